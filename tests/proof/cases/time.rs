//! Time: instants, ticks, the calendar, and what a wall clock is believed.

use tollgate::{
    Boundaries, Calendar, Clock, Continued, Cycle, Date, Duration, Entropy, Instant, MonthDay, TickRate, UnixMicros,
    UtcOffset,
};
use tollgate::{ManualClock, Offline, Wall, WallClock, WallReading, WallSync, Wrapping32, is_leap_year};
use tollgate_proof::{any, cases, seen};

cases! {
    instants {
        let (instant, span) = (any::<Instant>(), any::<Duration>());
        seen((Instant::from_millis(any()), Instant::from_secs(any()), Instant::from_ticks(any(), any())));
        seen((instant.as_millis(), instant.as_secs(), instant.to_ticks_ceil(any())));
        seen((instant.saturating_add(any()), instant.saturating_sub(any())));
        seen((instant.saturating_since(any()), instant.checked_since(any())));
        seen((Duration::from_millis(any()), Duration::from_secs(any()), Duration::from_ticks(any(), any())));
        seen((Duration::from_mins(any()), Duration::from_hours(any()), Duration::from_days(any())));
        seen((span.as_millis(), span.as_secs(), span.to_secs_ceil(), span.to_ticks_ceil(any())));
        seen((span.saturating_add(any()), span.saturating_sub(any()), span.saturating_mul(any())));
        seen((Duration::from(any::<core::time::Duration>()), core::time::Duration::from(span)));
    }

    ticks {
        seen(TickRate::hz(any()));
        seen(Wrapping32::starting_at(any()));
        seen(any::<&mut Wrapping32>().extend(any()));
    }

    dates {
        let date = any::<Date>();
        seen((Date::new(any(), any(), any()), Date::from_days(any()), Date::from_unix(any())));
        seen((date.to_days(), date.to_unix(), date.weekday(), date.day_of_year(), date.iso_week()));
        seen(is_leap_year(any()));
    }

    calendar {
        seen((MonthDay::new(any()), UtcOffset::minutes(any()), Calendar::utc(any())));
        let calendar = any::<&Calendar>;
        seen(calendar().period(any()));
        seen(calendar().period_at(any()));
        seen(any::<&tollgate::Period>().contains(any()));
        seen(any::<&tollgate::Period>().seconds());
        seen(any::<Cycle>().span_at(any()));
    }

    unix {
        let unix = any::<UnixMicros>();
        seen((UnixMicros::from_millis(any()), UnixMicros::from_secs(any()), unix.as_secs()));
        seen((unix.saturating_since(any()), unix.saturating_add(any()), unix.saturating_sub(any())));
    }

    wall {
        seen(Wall::new(any()).with_floor(any()));
        let wall = any::<&mut Wall>;
        seen(wall().set(any(), any(), any(), any()));
        wall().freeze();
        seen((wall().is_known(), wall().read(any()), wall().error(), wall().surely(any()), wall().at_latest(any())));
        seen((wall().when_surely(any()), wall().floor(), wall().steps()));
    }

    wall_sync {
        seen((WallReading::of_date(any(), any()), WallReading::of_sntp(any(), any(), any(), any())));
        seen(WallSync::new(&ManualClock::new(any()), any()).wall().floor());
        let sync = any::<&mut WallSync<&'static ManualClock>>;
        seen((sync().date(any(), any()), sync().sntp(any(), any(), any(), any()), sync().owner(any(), any())));
        seen((sync().unix(), sync().wall().is_known()));
        sync().wall_mut().freeze();
    }

    continued {
        seen(any::<Offline>().credit());
        let clock = any::<&Continued<&'static ManualClock>>;
        seen(Continued::new(clock().clock(), any(), any()).base());
        seen((clock().now(), clock().base(), clock().offline(), clock().since_boot(), clock().offline_since(any())));
    }

    entropy {
        seen(Entropy::of_device(any()));
        seen(any::<Entropy>().at_boot(any()));
        seen(any::<&mut Entropy>().next());
    }
}
