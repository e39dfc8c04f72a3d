//! The journal on a flash that answers anything: leases and strict, of a limiter, a ledger and a gate; its recovery from any bytes.

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use tollgate::journal::{
    GateKeeper, ImageLog, Keeper, Keeping, Layout, LayoutError, Lease, LimiterKeeper, Record, Wear, record_bytes,
};
use tollgate::{Adaptation, Backoff, Book, Breaker, Credits, Image, Ledger, Limits, Restraint};
use tollgate::{TokenBucket, WindowLog, WindowSlices};
use tollgate_proof::{any, cases, seen};

/// Reads bytes that nobody knows, and fails when it likes.
struct Flash;

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 4;

    fn read(&mut self, _: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        seen(bytes);
        any()
    }

    fn capacity(&self) -> usize {
        any()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, _: u32, _: u32) -> Result<(), Self::Error> {
        any()
    }

    fn write(&mut self, _: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        seen(bytes);
        any()
    }
}

type Money = Ledger<'static, 2, 0, 2, 0, 25>;
/// A gate with all of its parts, and two budgets.
type Full = GateKeeper<Flash, Limits<TokenBucket, WindowSlices<60>, Money, Breaker, Restraint, Adaptation>, 2, 8, 4>;

/// Two budgets, eight holds of which four are kept as jobs, sixteen resolved ones.
type Books = Keeper<'static, Flash, 2, 8, 4, 2, 16>;

/// A limiter in a journal of its own, with nothing known of either.
#[inline(always)]
fn keeper_of<L: Book + Image + Clone + 'static, const B: usize>() {
    seen(LimiterKeeper::<L, Flash, B>::open(any(), any(), any(), any(), any(), any()).map(drop));
    let keeper = any::<&mut LimiterKeeper<L, Flash, B>>;
    seen(keeper().allow(any(), any()));
    seen(keeper().save(any()));
    seen((keeper().limiter().room(any()), keeper().limiter_mut(), keeper().left(), keeper().health()));
    seen((keeper().log().records(), keeper().flash_mut(), any::<LimiterKeeper<L, Flash, B>>().into_flash()));
}

cases! {
    journal_recovery {
        seen(Books::open(Flash, any(), any(), any::<&[Keeping]>()).map(drop));
        seen(Books::format(Flash, any(), any(), any::<&[Keeping]>()).map(drop));
        seen(any::<Books>().into_flash());
    }

    journal_verbs {
        let books = any::<&mut Books>;
        seen(books().charge(any(), any(), any()));
        seen(books().reserve(any(), any(), any(), any()));
        seen(books().reserve_unsent(any(), any(), any(), any()));
        seen(books().settle(any(), any(), any()));
        seen(books().absorb(any(), any(), any()));
        seen(books().void(any(), any()));
        seen(books().refund(any(), any(), any()));
        seen(books().observe::<Credits>(any(), any(), any(), any()));
        seen(books().write_off::<Credits>(any()));
        seen(books().acknowledge(any()));
        seen(books().extend(any(), any(), any()));
    }

    journal_jobs {
        let books = any::<&mut Books>;
        seen(books().sending(any(), any(), any(), any()));
        seen(books().accepted(any(), any()));
        books().jobs().for_each(seen);
        seen(books().next_id());
    }

    journal_upkeep {
        let books = any::<&mut Books>;
        seen(books().tick(any()));
        seen(books().block(any(), any(), any()));
        seen(books().repair::<Credits>(any(), any(), any()));
        seen(books().shutdown(any()));
        seen(books().set_wall(any(), any(), any(), any()));
        seen(books().set_spec(any(), any(), any()));
        seen((books().base(), books().health(), books().is_closed(any()), books().high(any())));
        seen((books().records(), books().turns(), books().blocked(any())));
        seen((books().ledger().available::<Credits>(any(), any()), books().flash_mut()));
    }

    /// A ledger alone, without jobs, and room for one budget.
    journal_of_one {
        let books = any::<&mut Keeper<'static, Flash, 1, 1>>;
        seen(Keeper::<'static, Flash, 1, 1>::open(Flash, any(), any(), any::<&[Keeping]>()).map(drop));
        seen(books().charge(any(), any(), any()));
        seen(books().settle(any(), any(), any()));
        seen(books().shutdown(any()));
    }

    gate_journal_recovery {
        seen(Full::open(Flash, any(), any(), any::<&[Keeping]>()).map(drop));
        seen(Full::format(Flash, any(), any(), any::<&[Keeping]>()).map(drop));
        seen(any::<Full>().into_flash());
    }

    gate_journal_calls {
        let keeper = any::<&mut Full>;
        seen(keeper().ask(any(), any()));
        seen(keeper().poll(any(), any()));
        seen(keeper().sending(any(), any()));
        seen(keeper().cancel(any(), any()));
        seen(keeper().answered(any(), any(), any(), any(), any()));
        seen(keeper().finished(any(), any(), any()));
        seen(keeper().renew(any(), any(), any()));
        seen(keeper().refund(any(), any(), any()));
        seen(keeper().tag(any(), any()));
        seen(keeper().charge(any(), any()));
        seen(keeper().reconcile(any(), any(), any(), any()));
        seen(keeper().expire(any()));
    }

    gate_journal_upkeep {
        let keeper = any::<&mut Full>;
        seen(keeper().sync());
        keeper().block_until(any(), any());
        seen(keeper().observe::<Credits>(any(), any(), any(), any()));
        seen(keeper().write_off::<Credits>(any()));
        seen(keeper().acknowledge(any()));
        seen(keeper().next_id());
        seen(keeper().tick(any()));
        seen(keeper().repair::<Credits>(any(), any(), any()));
        seen(keeper().shutdown(any()));
        seen(keeper().set_wall(any(), any(), any(), any()));
        seen(keeper().set_spec(any(), any(), any()));
        keeper().set_slots(any());
        keeper().set_patience(any());
        keeper().heard(any(), any());
        seen(keeper().requests_mut());
        seen((keeper().base(), keeper().health(), keeper().is_closed(any()), keeper().high(any())));
        seen((keeper().records(), keeper().turns(), keeper().is_behind(), keeper().flash_mut()));
        seen((keeper().gate().status(any()), keeper().ledger().available::<Credits>(any(), any())));
    }

    /// One limiter each, of every kind that is one.
    limiter_journals {
        keeper_of::<TokenBucket, 96>();
        keeper_of::<WindowLog<16>, 288>();
        keeper_of::<WindowSlices<60>, 352>();
        keeper_of::<Breaker, 160>();
    }

    image_logs {
        let log = any::<&mut ImageLog<Flash, 160>>;
        seen(ImageLog::<Flash, 160>::open(Flash, any()).map(drop));
        seen(ImageLog::<Flash, 160>::format(Flash, any()).map(drop));
        seen(log().restore(any::<&mut Backoff>(), any(), any(), any()));
        seen(log().save(any(), any::<&Backoff>()));
        seen(log().saved_at());
        seen((log().health(), log().records(), log().turns(), log().flash_mut()));
        seen((ImageLog::<Flash, 160>::wear(any(), any()), record_bytes(any()), any::<ImageLog<Flash, 160>>().into_flash()));
    }

    journal_layout {
        seen(Layout::new(any(), any(), any()));
        let layout = any::<&Layout>;
        seen((layout().records_per_page(), layout().page_bytes(), layout().pages(), layout().start(), layout().end()));
        seen(any::<LayoutError>().message());
        seen(any::<&Record>().parts());
        let wear = any::<&Wear>;
        seen(Wear::of(layout(), any(), any()));
        seen((wear().records_per_page(), wear().lifetime_records(), Wear::charges(any(), any())));
        seen((wear().least_lease(any()), Wear::writes(any(), any()), wear().life(any(), any())));
        seen(wear().bytes_per_thousand(any()));
    }

    leases {
        seen((Keeping::lease::<Credits>(any()), any::<Keeping>().micros()));
        seen(Lease::new(any(), any()));
        let lease = any::<&mut Lease>;
        seen((lease().high(), lease().keeping(), lease().before(any(), any(), any()), lease().after(any(), any())));
        lease().written(any());
    }
}
