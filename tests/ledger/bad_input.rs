//! Bad input of every kind: its own error, which names what was expected, and nothing has changed.

use std::collections::BTreeSet;
use std::error::Error;
use std::mem::discriminant;

use tollgate::presets::tariffs::seed003::TARIFF;
use tollgate::{
    AccountId, Amount, AmountError, BudgetSpec, Credits, DecimalError, Duration, Instant, JobId, JobSpec, Ledger,
    LedgerError, Line, OpenError, PriceError, Ratio, Renewal, Rolling, Rounding, Usd,
};

const NOW: Instant = Instant::ORIGIN;
const TTL: Duration = Duration::from_mins(1);

static CREDITS: BudgetSpec = BudgetSpec::new::<Credits>(Amount::whole(100), Renewal::Lifetime);
static DOLLARS: BudgetSpec = BudgetSpec::new::<Usd>(Amount::whole(5), Renewal::Lifetime);

type Books = Ledger<'static, 2, 1, 2, 4>;
type Call = fn(&mut Books, &[Line]) -> Result<(), LedgerError>;

/// Two accounts, the one place taken by a job of 40 credits.
fn books() -> Books {
    let mut books = Books::new(Duration::ZERO);
    books.open(NOW, &CREDITS).unwrap();
    books.open(NOW, &DOLLARS).unwrap();
    let _ = books.reserve(NOW, JobId(1), &[credits(0, 40)], TTL).unwrap();
    books
}

fn credits(account: u8, units: u32) -> Line {
    Line::new::<Credits>(AccountId(account), Amount::whole(units))
}

#[test]
fn a_job_without_a_price_is_told_what_there_is() {
    let good = JobSpec { model: "kling-v1", duration: Duration::from_secs(5), resolution: "1080p" };
    assert!(TARIFF.credits(&good, Rounding::Exact).is_ok());
    let of = |job: &JobSpec<'static>| TARIFF.credits(job, Rounding::Exact).unwrap_err();
    let errors = [
        (
            of(&JobSpec { model: "kling-pr0", ..good }),
            "no model \"kling-pr0\": expected one of kling-v1, kling-v1.5, kling-pro",
        ),
        (of(&JobSpec { resolution: "1440p", ..good }), "no resolution \"1440p\": expected one of 720p, 1080p, 4k"),
        (of(&JobSpec { duration: Duration::ZERO, ..good }), "a duration of 0 s: expected more"),
        (
            of(&JobSpec { duration: Duration::from_secs(11), ..good }),
            "11.000000 s is too long for \"kling-v1\": expected at most 10 s",
        ),
        (of(&JobSpec { resolution: "4k", ..good }), "4k is too high for \"kling-v1\": expected at most 1080p"),
        (
            TARIFF.package(Amount::whole(101)).unwrap_err(),
            "no package for 101 credits: expected one of 100, 500, 1000, 5000",
        ),
        (TARIFF.rank("Ultra").unwrap_err(), "no quality \"Ultra\": expected one of Standard, Enhanced, Pro"),
    ];
    for (error, text) in &errors {
        assert_eq!(error.to_string(), *text);
        let alike = errors.iter().filter(|(other, _)| discriminant(other) == discriminant(error)).count();
        assert_eq!(alike, 1, "{error:?} has its own error");
    }
}

#[test]
fn a_number_that_is_none_of_ours_is_refused_before_it_is_one() {
    // What is negative has no place in a type, and none in a text.
    for (text, why) in [
        ("-5", "a sign: expected a decimal without one, such as 2.40"),
        ("", "an empty text: expected a decimal such as 2.40"),
        ("2,40", "',' at byte 1: expected a decimal such as 2.40"),
        (".5", "a point without digits on both sides: expected a decimal such as 0.50"),
        ("0.0000001", "too many decimals to be kept exactly: expected at most 6"),
        ("9223372036854.775808", "a decimal that is too large: expected less"),
    ] {
        assert_eq!(Amount::<Usd>::parse(text).unwrap_err().to_string(), why);
        assert_eq!(text.parse::<Amount<Usd>>().map_err(|error| error.to_string()), Err(why.to_owned()));
    }
    assert_eq!(Amount::<Usd>::parse("-0"), Err(DecimalError::Sign));
    let (most, double) = (Amount::<Usd>::MAX, Ratio::new(2, 1).unwrap());
    let expected = "expected at most 9223372036854.775807";
    for error in [most.times(double, Rounding::Ceil), Amount::from_whole(u64::MAX), Amount::from_micros(u64::MAX)] {
        assert_eq!(error, Err(AmountError::Overflow));
        assert!(error.unwrap_err().to_string().ends_with(expected));
    }
    let price = JobSpec { model: "kling-pro", duration: Duration::MAX, resolution: "1080p" };
    let error = TARIFF.ignoring_limits().credits(&price, Rounding::Ceil).unwrap_err();
    assert!(matches!(error, PriceError::Ratio(_)) && error.to_string().contains("expected each side to be at most"));
}

#[test]
fn a_call_on_a_ledger_that_is_wrong_says_how_and_changes_nothing() {
    let dollars = |account, units| Line::new::<Usd>(AccountId(account), Amount::whole(units));
    let reserve: Call = |books, lines| books.reserve(NOW, JobId(2), lines, TTL).map(drop);
    let charge: Call = |books, lines| books.charge(NOW, JobId(2), lines).map(drop);
    let settle: Call = |books, lines| books.settle(NOW, JobId(1), lines).map(drop);
    let again: Call = |books, lines| books.reserve(NOW, JobId(1), lines, TTL).map(drop);
    let strange: Call = |books, lines| books.settle(NOW, JobId(9), lines).map(drop);
    let refund: Call = |books, lines| books.refund(NOW, JobId(1), lines).map(drop);
    let mut kinds = BTreeSet::new();
    for (call, lines, text) in [
        (reserve, vec![dollars(0, 1)], "line 0 is in another unit than its account: expected credits"),
        (charge, vec![credits(0, 1), credits(1, 1)], "line 1 is in another unit than its account: expected usd"),
        (settle, vec![dollars(0, 40)], "line 0 is in another unit than its account: expected credits"),
        (
            charge,
            vec![credits(7, 1)],
            "line 0 names an account that is not there: expected one that is open, or of the hold",
        ),
        (again, vec![credits(0, 41)], "this id was used for other amounts: expected a new id"),
        (reserve, vec![credits(0, 1)], "no place for another hold: expected one to be settled first"),
        (reserve, vec![credits(0, 1), credits(0, 1)], "line 1 names an account a second time: expected each once"),
        (
            reserve,
            vec![credits(0, 1), dollars(1, 1), credits(0, 1)],
            "more lines than a hold of this ledger can have: expected fewer",
        ),
        (settle, vec![], "no amount for account 0: expected one, or zero"),
        (strange, vec![credits(0, 1)], "no hold has this id: expected one that lives or is remembered"),
        (refund, vec![credits(0, 1)], "not settled yet: expected a posted hold"),
    ] {
        let mut books = books();
        let before = format!("{books:?}");
        let error = call(&mut books, &lines).unwrap_err();
        assert_eq!(error.to_string(), text);
        assert_eq!(format!("{books:?}"), before, "{error}: nothing has changed");
        assert!(error.source().is_none());
        kinds.insert(format!("{:?}", discriminant(&error)));
    }
    assert_eq!(kinds.len(), 9, "a wrong unit is in three of them");
}

#[test]
fn an_account_that_cannot_be_opened_takes_nothing() {
    let window = Rolling::new(Duration::from_mins(1), 6).unwrap();
    let rolling = BudgetSpec::new::<Credits>(Amount::whole(1), Renewal::Rolling(window));
    let mut books = Ledger::<2, 1, 1, 1, 6>::new(Duration::ZERO);
    let before = format!("{books:?}");
    let error = books.open(NOW, &rolling).unwrap_err();
    assert_eq!(
        (error, error.to_string().as_str()),
        (OpenError::NoSlices { needed: 7, left: 6 }, "7 slices are needed and 6 are left")
    );
    assert_eq!(format!("{books:?}"), before);
    books.open(NOW, &CREDITS).unwrap();
    books.open(NOW, &CREDITS).unwrap();
    assert_eq!(books.open(NOW, &CREDITS), Err(OpenError::NoAccount));
}
