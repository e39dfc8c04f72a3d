//! Units: what an [`Amount`](crate::Amount) counts. They take no room; types of different units do not mix.

/// Credits of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Credits;

/// United States dollars; a millionth is a ten-thousandth of a cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Usd;

/// Time on the air in seconds; a millionth is a microsecond, so a [`Duration`](crate::Duration) converts exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Airtime;

/// Bytes, as every unit in millionths: up to 9.2 terabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Bytes;

/// A unit of your own, told apart by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Custom<const N: u32>;

/// What an amount counts, so that a budget in one unit is not charged in another, even where the type is erased.
///
/// # Example
/// ```
/// use tollgate::{Custom, Unit, Usd};
/// assert_eq!(Usd::NAME, "usd");
/// assert_ne!(Usd::ID, Custom::<7>::ID);
/// ```
/// One with a name of its own, for reports and errors:
/// ```
/// use tollgate::{Amount, BudgetSpec, Renewal, Unit};
/// struct Tokens;
/// impl Unit for Tokens {
///     const ID: u32 = 1; // of this program
///     const NAME: &'static str = "tokens";
/// }
/// static LIMIT: BudgetSpec = BudgetSpec::new::<Tokens>(Amount::whole(1_000_000), Renewal::Lifetime);
/// assert_eq!(LIMIT.unit_name(), "tokens");
/// ```
pub trait Unit {
    /// A number that no other unit of the program has. Those of this crate are above `0xFFFF_FF00`.
    const ID: u32;
    /// What people call it, lower case.
    const NAME: &'static str;
}

impl Unit for Credits {
    const ID: u32 = 0xFFFF_FF01;
    const NAME: &'static str = "credits";
}

impl Unit for Usd {
    const ID: u32 = 0xFFFF_FF02;
    const NAME: &'static str = "usd";
}

impl Unit for Airtime {
    const ID: u32 = 0xFFFF_FF03;
    const NAME: &'static str = "airtime";
}

impl Unit for Bytes {
    const ID: u32 = 0xFFFF_FF04;
    const NAME: &'static str = "bytes";
}

impl<const N: u32> Unit for Custom<N> {
    const ID: u32 = {
        assert!(N < 0xFFFF_FF00, "a custom unit's number must be below 0xFFFF_FF00");
        N
    };
    const NAME: &'static str = "units";
}
