//! `AccountConfig`: an account of a document, with its budget.

use heapless::Vec;
use serde::de::MapAccess;

use super::error::{ConfigError, Problem};
use super::path::{FieldPath, Name};
use super::read::{Draft, Section, Value, need};
use crate::alerts::{ThresholdError, Thresholds};
use crate::calendar::{Calendar, Cycle, MonthDay, ShortMonth, UtcOffset};
use crate::civil::Weekday;
use crate::ratio::Ratio;
use crate::terms::{BudgetSpec, Overage, Renewal, Rolling, SpecError};
use crate::time::Duration;
use crate::unit::{Airtime, Bytes, Credits, Custom, Unit, Usd};

/// An account: its name and what its budget promises.
///
/// A budget made in code may be in a real time zone; a document has fixed offsets from UTC.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AccountConfig {
    /// What it is called; another name for each account.
    pub name: Name,
    /// Its budget.
    pub spec: BudgetSpec<'static>,
}

/// The same name and the same promises; of a zone, the same object.
impl PartialEq for AccountConfig {
    fn eq(&self, other: &Self) -> bool {
        let terms = |spec: &BudgetSpec<'_>| {
            (spec.unit, spec.limit, spec.soft, spec.overage, spec.rollover, spec.carry_debt, spec.thresholds)
        };
        self.name == other.name
            && terms(&self.spec) == terms(&other.spec)
            && self.spec.renewal.goes_on_as(&other.spec.renewal, None)
    }
}

impl Eq for AccountConfig {}

#[derive(Default)]
pub(super) struct AccountDraft {
    name: Option<Name>,
    unit: Option<(u32, &'static str)>,
    limit: Option<u64>,
    soft: Option<u64>,
    period: Option<&'static str>,
    offset: Option<i16>,
    week_start: Option<Weekday>,
    month_start: Option<MonthDay>,
    short_month: Option<ShortMonth>,
    length: Option<Duration>,
    slices: Option<u16>,
    overage: Option<&'static str>,
    max_debt: Option<u64>,
    forgive_debt: bool,
    rollover: Option<(u64, u64)>,
    thresholds: Vec<Ratio, { Thresholds::MAX }, u8>,
    hysteresis: Option<Ratio>,
}

pub(super) const PERIODS: [&str; 5] = ["lifetime", "day", "week", "month", "rolling"];
pub(super) const OVERAGES: [&str; 3] = ["reject", "cap", "debt"];
pub(super) const SHORT_MONTHS: [&str; 2] = ["clamp_to_last", "end_of_last"];
pub(super) const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const UNIT: &str = "\"credits\", \"usd\", \"airtime\", \"bytes\", or a number below 4294967040 such as \"custom/7\"";

/// The number and the name of a unit.
fn unit(text: &str) -> Result<(u32, &'static str), Problem> {
    const fn of<U: Unit>() -> (u32, &'static str) {
        (U::ID, U::NAME)
    }
    match text {
        Credits::NAME => Ok(of::<Credits>()),
        Usd::NAME => Ok(of::<Usd>()),
        Airtime::NAME => Ok(of::<Airtime>()),
        Bytes::NAME => Ok(of::<Bytes>()),
        other => {
            let number = other.strip_prefix("custom/").filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            let number = number.and_then(|text| text.parse().ok()).filter(|number| *number < 0xFFFF_FF00);
            number.map(|number| (number, Custom::<0>::NAME)).ok_or(Problem::Expected(UNIT))
        }
    }
}

const fn weekday(word: &str) -> Weekday {
    match word.as_bytes() {
        [b't', b'u', ..] => Weekday::Tuesday,
        [b'w', ..] => Weekday::Wednesday,
        [b't', b'h', ..] => Weekday::Thursday,
        [b'f', ..] => Weekday::Friday,
        [b's', b'a', ..] => Weekday::Saturday,
        [b's', b'u', ..] => Weekday::Sunday,
        _ => Weekday::Monday,
    }
}

impl Section for AccountDraft {
    const FIELDS: &'static [&'static str] = &[
        "name",
        "unit",
        "limit",
        "soft",
        "period",
        "utc_offset_min",
        "week_start",
        "month_start",
        "short_month",
        "length",
        "slices",
        "overage",
        "max_debt",
        "forgive_debt",
        "rollover",
        "thresholds",
        "hysteresis",
    ];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "name" => self.name = Some(value.read("a name", |text| Name::new(text).map_err(Problem::Name))?),
            "unit" => self.unit = Some(value.read(UNIT, unit)?),
            "limit" => self.limit = Some(value.amount()?),
            "soft" => self.soft = Some(value.amount()?),
            "period" => self.period = Some(value.word(&PERIODS)?),
            "utc_offset_min" => self.offset = Some(value.signed(1_440)?),
            "week_start" => self.week_start = Some(weekday(value.word(&DAYS)?)),
            "month_start" => self.month_start = MonthDay::new(value.whole(1, 31)?).ok(),
            "short_month" => {
                let clamps = value.word(&SHORT_MONTHS)? == "clamp_to_last";
                self.short_month = Some(if clamps { ShortMonth::ClampToLast } else { ShortMonth::EndOfLast });
            }
            "length" => self.length = Some(value.time()?),
            "slices" => self.slices = Some(value.whole(1, 4_096)?),
            "overage" => self.overage = Some(value.word(&OVERAGES)?),
            "max_debt" => self.max_debt = Some(value.amount()?),
            "forgive_debt" => self.forgive_debt = value.flag()?,
            "rollover" => self.rollover = Some(value.object::<RolloverDraft>()?),
            "thresholds" => value.ratios(&mut self.thresholds)?,
            "hysteresis" => self.hysteresis = Some(value.ratio()?),
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }
}

impl Draft for AccountDraft {
    type Value = AccountConfig;

    fn finish(self, here: FieldPath) -> Result<AccountConfig, ConfigError> {
        let (name, unit) = (need(self.name, here, "name")?, need(self.unit, here, "unit")?);
        let limit = need(self.limit, here, "limit")?;
        let mut spec = BudgetSpec::of_unit(unit, limit, self.renewal(here)?);
        spec.soft = self.soft;
        spec.overage = self.overage(here)?;
        spec.carry_debt = !self.forgive_debt;
        spec.rollover = self.rollover;
        spec.thresholds = self.thresholds(here)?;
        check_spec(&spec, here)?;
        Ok(AccountConfig { name, spec })
    }
}

impl AccountDraft {
    fn renewal(&self, here: FieldPath) -> Result<Renewal<'static>, ConfigError> {
        let period = need(self.period, here, "period")?;
        let dated = matches!(period, "day" | "week" | "month");
        for (field, there, fits, with) in [
            ("utc_offset_min", self.offset.is_some(), dated, "a period of \"day\", \"week\" or \"month\""),
            ("week_start", self.week_start.is_some(), period == "week", "a period of \"week\""),
            ("month_start", self.month_start.is_some(), period == "month", "a period of \"month\""),
            ("short_month", self.short_month.is_some(), period == "month", "a period of \"month\""),
            ("length", self.length.is_some(), period == "rolling", "a period of \"rolling\""),
            ("slices", self.slices.is_some(), period == "rolling", "a period of \"rolling\""),
        ] {
            if there && !fits {
                return Err(here.then(field).says(Problem::OnlyWith(with)));
            }
        }
        let cycle = match period {
            "lifetime" => return Ok(Renewal::Lifetime),
            "rolling" => {
                let (length, slices) = (need(self.length, here, "length")?, need(self.slices, here, "slices")?);
                let rolling = Rolling::new(length, slices);
                return rolling.map(Renewal::Rolling).map_err(|error| here.then("slices").says(Problem::Spec(error)));
            }
            "week" => Cycle::Week { start: self.week_start.unwrap_or(Weekday::Monday) },
            "month" => Cycle::Month {
                anchor: self.month_start.unwrap_or(MonthDay::FIRST),
                rule: self.short_month.unwrap_or(ShortMonth::ClampToLast),
            },
            _ => Cycle::Day,
        };
        // In range, as it was read.
        let offset = UtcOffset::minutes(self.offset.unwrap_or(0)).unwrap_or(UtcOffset::UTC);
        Ok(Renewal::Calendar(Calendar { cycle, offset }))
    }

    fn overage(&self, here: FieldPath) -> Result<Overage, ConfigError> {
        match (self.overage, self.max_debt) {
            (Some("debt"), max) => Ok(Overage::Debt { max: need(max, here, "max_debt")? }),
            (_, Some(_)) => Err(here.then("max_debt").says(Problem::OnlyWith("an overage of \"debt\""))),
            (Some("cap"), None) => Ok(Overage::Cap),
            _ => Ok(Overage::Reject),
        }
    }

    fn thresholds(&self, here: FieldPath) -> Result<Thresholds, ConfigError> {
        if self.thresholds.is_empty() {
            return match self.hysteresis {
                Some(_) => Err(here.then("hysteresis").says(Problem::OnlyWith("thresholds"))),
                None => Ok(Thresholds::NONE),
            };
        }
        let hysteresis = self.hysteresis.or(Ratio::new(1, 20).ok()).unwrap_or(Ratio::ONE);
        Thresholds::new(&self.thresholds, hysteresis).map_err(|error| {
            let list = here.then("thresholds");
            let field = match error {
                ThresholdError::NotAscending { at } | ThresholdError::TooFine { at } => list.at(usize::from(at)),
                ThresholdError::TooMany => list,
            };
            field.says(Problem::Thresholds(error))
        })
    }
}

/// Whether a budget holds together; one that was made in code has passed some of this.
pub(super) fn check_spec(spec: &BudgetSpec<'_>, here: FieldPath) -> Result<(), ConfigError> {
    if let Some(soft) = spec.soft.filter(|soft| *soft > spec.limit) {
        let (found, max, of) = (soft, spec.limit, "the limit");
        return Err(here.then("soft").says(Problem::AmountAbove { found, max, of }));
    }
    if let Some((min, max)) = spec.rollover {
        let field = here.then("rollover");
        if !spec.renewal.is_dated() {
            return Err(field.says(Problem::Spec(SpecError::NoPeriods)));
        }
        if min > max {
            return Err(field.says(Problem::Spec(SpecError::Rollover { min, max })));
        }
    }
    spec.checked().map(|_| ()).map_err(|error| here.then("limit").says(Problem::Spec(error)))
}

#[derive(Default)]
struct RolloverDraft {
    min: Option<u64>,
    max: Option<u64>,
}

impl Section for RolloverDraft {
    const FIELDS: &'static [&'static str] = &["min", "max"];

    fn take<'de, A: MapAccess<'de>>(&mut self, field: &str, value: Value<'_, A>) -> Result<(), A::Error> {
        match field {
            "min" => self.min = Some(value.amount()?),
            "max" => self.max = Some(value.amount()?),
            _ => return value.unknown(Self::FIELDS),
        }
        Ok(())
    }
}

impl Draft for RolloverDraft {
    type Value = (u64, u64);

    fn finish(self, here: FieldPath) -> Result<(u64, u64), ConfigError> {
        Ok((need(self.min, here, "min")?, need(self.max, here, "max")?))
    }
}
