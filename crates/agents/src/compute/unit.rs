//! Units as plants write them, each with one spelling of ours and the name under which the library knows it.

use std::fmt;

/// A unit, or one per another: `l` per `min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unit {
    top: &'static str,
    per: Option<&'static str>,
}

/// Kelvin, in which differences of temperatures are said.
pub(crate) const KELVIN: Unit = Unit::simple("K");
/// Percent.
pub(crate) const PERCENT: Unit = Unit::simple("%");
pub(crate) const CELSIUS: Unit = Unit::simple("°C");
pub(crate) const FAHRENHEIT: Unit = Unit::simple("°F");
pub(crate) const EURO: Unit = Unit::simple("EUR");
pub(crate) const INCH: Unit = Unit::simple("in");
pub(crate) const DAY: Unit = Unit::simple("day");
pub(crate) const WEEK: Unit = Unit::simple("week");
pub(crate) const MONTH: Unit = Unit::simple("month");
pub(crate) const YEAR: Unit = Unit::simple("year");
pub(crate) const OPERATING_DAY: Unit = Unit::simple("operating day");

/// One unit: our spelling, the library's name (none where it is not calculated with), signs as they stand, and words in lower
/// case.
struct Entry(&'static str, Option<&'static str>, &'static [&'static str], &'static [&'static str]);

const UNITS: &[Entry] = &[
    Entry("bar", Some("bar"), &[], &["bar", "bars"]),
    Entry("mbar", Some("millibar"), &["mbar"], &["millibar"]),
    Entry("Pa", Some("pascal"), &["Pa"], &["pascal"]),
    Entry("hPa", Some("hectopascal"), &["hPa"], &[]),
    Entry("kPa", Some("kilopascal"), &["kPa"], &[]),
    Entry("MPa", Some("megapascal"), &["MPa"], &[]),
    Entry("psi", Some("psi"), &["psi", "PSI"], &[]),
    Entry(
        "Nm",
        Some("newton * meter"),
        &["Nm", "N·m", "N⋅m"],
        &["newtonmeter", "newtonmetre", "newtonmetres", "newtonmeters"],
    ),
    Entry("N", Some("newton"), &["N"], &["newton", "newtons"]),
    Entry("kN", Some("kilonewton"), &["kN"], &[]),
    Entry("µm", Some("micrometer"), &["µm", "μm", "um"], &["micron", "microns"]),
    Entry("mm", Some("millimeter"), &["mm"], &["millimetre", "millimetres", "millimeter", "millimeters"]),
    Entry("cm", Some("centimeter"), &["cm"], &["centimetre", "centimetres", "centimeter", "centimeters"]),
    Entry("m", Some("meter"), &["m"], &["metre", "metres", "meter", "meters"]),
    Entry("km", Some("kilometer"), &["km"], &["kilometre", "kilometres", "kilometer", "kilometers"]),
    Entry("in", Some("inch"), &["in", "″", "\""], &["inch", "inches", "zoll"]),
    Entry("ft", Some("foot"), &["ft"], &["foot", "feet"]),
    Entry("mm²", Some("millimeter^2"), &["mm²", "mm2", "mm^2"], &[]),
    Entry("cm²", Some("centimeter^2"), &["cm²", "cm2", "cm^2"], &[]),
    Entry("m²", Some("meter^2"), &["m²", "m2", "m^2"], &[]),
    Entry("mm³", Some("millimeter^3"), &["mm³", "mm3", "mm^3"], &[]),
    Entry("cm³", Some("centimeter^3"), &["cm³", "cm3", "cm^3"], &[]),
    Entry("m³", Some("meter^3"), &["m³", "m3", "m^3"], &[]),
    Entry("in²", Some("inch^2"), &["in²", "in2", "in^2"], &[]),
    Entry("ft²", Some("foot^2"), &["ft²", "ft2", "ft^2"], &[]),
    Entry("in³", Some("inch^3"), &["in³", "in3", "in^3"], &[]),
    Entry("ft³", Some("foot^3"), &["ft³", "ft3", "ft^3"], &[]),
    Entry("l", Some("liter"), &["l", "L"], &["litre", "litres", "liter", "liters", "litern"]),
    Entry("ml", Some("milliliter"), &["ml", "mL"], &["millilitre", "millilitres", "milliliter", "milliliters"]),
    Entry("mg", Some("milligram"), &["mg"], &[]),
    Entry("g", Some("gram"), &["g"], &["gram", "grams", "gramm"]),
    Entry("kg", Some("kilogram"), &["kg"], &["kilogram", "kilograms", "kilogramm"]),
    Entry("t", Some("tonne"), &["t"], &["tonne", "tonnes", "tonnen"]),
    Entry("lb", Some("pound"), &["lb", "lbs"], &["pound", "pounds"]),
    Entry("ms", Some("millisecond"), &["ms"], &["millisecond", "milliseconds"]),
    Entry("s", Some("second"), &["s"], &["sec", "second", "seconds", "sekunde", "sekunden"]),
    Entry("min", Some("minute"), &["min"], &["minute", "minutes", "minuten"]),
    Entry("h", Some("hour"), &["h"], &["hr", "hrs", "hour", "hours", "stunde", "stunden", "std", "betriebsstunden"]),
    Entry("day", Some("day"), &["d"], &["day", "days", "tag", "tage", "tagen"]),
    Entry("week", Some("week"), &[], &["week", "weeks", "woche", "wochen"]),
    Entry("month", None, &[], &["month", "months", "monat", "monate", "monaten"]),
    Entry("year", None, &[], &["year", "years", "jahr", "jahre", "jahren"]),
    Entry(
        "operating day",
        None,
        &["operating days", "operating day", "working days", "working day"],
        &["arbeitstag", "arbeitstage", "arbeitstagen", "betriebstag", "betriebstage", "betriebstagen"],
    ),
    Entry("1/min", Some("1/minute"), &["rpm", "RPM", "1/min", "r/min", "U/min", "min-1", "min⁻¹", "min^-1"], &[]),
    Entry("Hz", Some("hertz"), &["Hz"], &["hertz"]),
    Entry("kHz", Some("kilohertz"), &["kHz"], &[]),
    Entry("W", Some("watt"), &["W"], &["watt", "watts"]),
    Entry("kW", Some("kilowatt"), &["kW"], &["kilowatt", "kilowatts"]),
    Entry("MW", Some("megawatt"), &["MW"], &[]),
    Entry("kWh", Some("kilowatt * hour"), &["kWh"], &[]),
    Entry("MWh", Some("megawatt * hour"), &["MWh"], &[]),
    Entry("J", Some("joule"), &["J"], &["joule", "joules"]),
    Entry("kJ", Some("kilojoule"), &["kJ"], &[]),
    Entry("MJ", Some("megajoule"), &["MJ"], &[]),
    Entry("mV", Some("millivolt"), &["mV"], &[]),
    Entry("V", Some("volt"), &["V"], &["volt", "volts"]),
    Entry("kV", Some("kilovolt"), &["kV"], &[]),
    Entry("mA", Some("milliampere"), &["mA"], &[]),
    Entry("A", Some("ampere"), &["A"], &["ampere", "amperes", "amp", "amps"]),
    Entry("Ω", Some("ohm"), &["Ω", "\u{2126}"], &["ohm", "ohms"]),
    Entry("K", Some("kelvin"), &["K"], &["kelvin"]),
    Entry("°C", None, &["°C", "° C", "℃", "degrees Celsius", "degree Celsius", "Grad Celsius"], &["celsius"]),
    Entry("°F", None, &["°F", "° F", "℉", "degrees Fahrenheit", "Grad Fahrenheit"], &["fahrenheit"]),
    Entry("°", Some("degree"), &["°"], &["degree", "degrees", "grad"]),
    Entry("%", Some("percent"), &["%"], &["percent", "prozent"]),
    // A counter like any other: no rate leads to another currency.
    Entry("EUR", Some(EURO_NAME), &["EUR", "€"], &["euro", "euros"]),
];

/// Under this name the library is told of a unit of its own.
pub(super) const EURO_NAME: &str = "eurocount";

impl Unit {
    const fn simple(top: &'static str) -> Self {
        Self { top, per: None }
    }

    /// The unit that `text` begins with, and its length in bytes; the longest that fits.
    pub(crate) fn read(text: &str) -> Option<(Self, usize)> {
        let (top, length) = atom(text)?;
        let rest = &text[length..];
        let per = ["/", " / ", " per ", " pro ", " je "].into_iter().find_map(|sign| {
            let (per, below) = atom(rest.strip_prefix(sign)?)?;
            Some((per, sign.len() + below))
        });
        Some(match per {
            Some((per, below)) => (Self { top, per: Some(per) }, length + below),
            None => (Self { top, per: None }, length),
        })
    }

    /// As the library is told of it; none where it is not calculated with.
    pub(super) fn library_name(self) -> Option<String> {
        let name = |of: &str| UNITS.iter().find(|entry| entry.0 == of)?.1;
        let top = name(self.top)?;
        Some(match self.per {
            Some(per) => format!("({top}) / ({})", name(per)?),
            None => top.to_owned(),
        })
    }

    /// What it measures.
    pub(crate) fn dimension(self) -> Dimension {
        self.per.map_or(measured(self.top), |per| measured(self.top).per(measured(per)))
    }

    /// Whether it is an absolute temperature.
    pub(crate) fn is_temperature(self) -> bool {
        self == CELSIUS || self == FAHRENHEIT
    }
}

/// What a figure measures, as powers of what cannot be made of anything else: N/mm² is a pressure like bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dimension([i8; BASES]);

const BASES: usize = 9;
/// Mass, length, time, current, temperature, a difference of temperatures, angle, money, day of the calendar.
const M: usize = 0;
const L: usize = 1;
const T: usize = 2;
const I: usize = 3;
const TEMPERATURE: usize = 4;
const DIFFERENCE: usize = 5;
const ANGLE: usize = 6;
const MONEY: usize = 7;
const CALENDAR: usize = 8;

impl Dimension {
    /// A number of things, or a share of them.
    pub(crate) const NUMBER: Self = Self([0; BASES]);
    /// A day.
    pub(crate) const DATE: Self = Self::of(&[(CALENDAR, 1)]);

    const fn of(powers: &[(usize, i8)]) -> Self {
        let mut all = [0; BASES];
        let mut at = 0;
        while at < powers.len() {
            all[powers[at].0] = powers[at].1;
            at += 1;
        }
        Self(all)
    }

    fn per(self, other: Self) -> Self {
        Self(std::array::from_fn(|base| self.0[base] - other.0[base]))
    }
}

fn measured(name: &'static str) -> Dimension {
    match name {
        "bar" | "mbar" | "Pa" | "hPa" | "kPa" | "MPa" | "psi" => Dimension::of(&[(M, 1), (L, -1), (T, -2)]),
        // A torque and an energy are the same to the library.
        "Nm" | "kWh" | "MWh" | "J" | "kJ" | "MJ" => Dimension::of(&[(M, 1), (L, 2), (T, -2)]),
        "N" | "kN" => Dimension::of(&[(M, 1), (L, 1), (T, -2)]),
        "µm" | "mm" | "cm" | "m" | "km" | "in" | "ft" => Dimension::of(&[(L, 1)]),
        "mm²" | "cm²" | "m²" | "in²" | "ft²" => Dimension::of(&[(L, 2)]),
        "mm³" | "cm³" | "m³" | "in³" | "ft³" | "l" | "ml" => Dimension::of(&[(L, 3)]),
        "mg" | "g" | "kg" | "t" | "lb" => Dimension::of(&[(M, 1)]),
        "ms" | "s" | "min" | "h" | "day" | "week" | "month" | "year" | "operating day" => Dimension::of(&[(T, 1)]),
        "1/min" | "Hz" | "kHz" => Dimension::of(&[(T, -1)]),
        "W" | "kW" | "MW" => Dimension::of(&[(M, 1), (L, 2), (T, -3)]),
        "mV" | "V" | "kV" => Dimension::of(&[(M, 1), (L, 2), (T, -3), (I, -1)]),
        "mA" | "A" => Dimension::of(&[(I, 1)]),
        "Ω" => Dimension::of(&[(M, 1), (L, 2), (T, -3), (I, -2)]),
        "°C" | "°F" => Dimension::of(&[(TEMPERATURE, 1)]),
        "K" => Dimension::of(&[(DIFFERENCE, 1)]),
        "°" => Dimension::of(&[(ANGLE, 1)]),
        "EUR" => Dimension::of(&[(MONEY, 1)]),
        // A share.
        _ => Dimension::NUMBER,
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.top)?;
        self.per.map_or(Ok(()), |per| write!(f, "/{per}"))
    }
}

fn atom(text: &str) -> Option<(&'static str, usize)> {
    let ends = |length: usize| {
        let joins = |c: char| c.is_alphanumeric() || matches!(c, '²' | '³' | '⁻' | '^');
        let by_sign = text[..length].ends_with(|c: char| !c.is_alphanumeric());
        by_sign || !text[length..].starts_with(joins)
    };
    let word = text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len());
    // Longer words are none of ours.
    let lower = if word <= 24 { text[..word].to_lowercase() } else { String::new() };
    let fits = |entry: &'static Entry| {
        let sign = entry.2.iter().filter(|sign| text.starts_with(**sign) && ends(sign.len())).map(|sign| sign.len());
        let named = entry.3.contains(&lower.as_str()) && ends(word);
        sign.chain(named.then_some(word)).max().map(|length| (entry.0, length))
    };
    UNITS.iter().filter_map(fits).max_by_key(|(_, length)| *length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_come_to_one_unit() {
        let read = |text: &str| Unit::read(text).map(|(unit, length)| format!("{unit}|{}", &text[length..]));
        for (text, expected) in [
            ("bar.", "bar|."),
            ("Nm", "Nm|"),
            ("l/min", "l/min|"),
            ("litres per minute", "l/min|"),
            ("m³/h)", "m³/h|)"),
            ("m3/h", "m³/h|"),
            ("mm^2", "mm²|"),
            ("U/min", "1/min|"),
            ("rpm", "1/min|"),
            ("1/min", "1/min|"),
            ("EUR/h", "EUR/h|"),
            ("€", "EUR|"),
            ("degrees Celsius", "°C|"),
            ("° of", "°| of"),
            ("Stunden", "h|"),
            ("operating days", "operating day|"),
            ("%", "%|"),
            ("Prozent", "%|"),
            ("m/4", "m|/4"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["nm", "NM", "bearing", "mpa", "", "barrel", "mm4", "inside"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn no_spelling_stands_for_two_units() {
        let spellings: Vec<&str> = UNITS.iter().flat_map(|entry| entry.2.iter().chain(entry.3).copied()).collect();
        for entry in UNITS {
            for spelling in entry.2.iter().chain(entry.3) {
                assert_eq!(Unit::read(spelling), Some((Unit::simple(entry.0), spelling.len())), "{spelling}");
            }
        }
        let count = |one: &&str| spellings.iter().filter(|other| other == &one).count();
        assert!(spellings.iter().all(|spelling| count(spelling) == 1));
    }

    /// Else a sentence could carry a figure in another unit than it may.
    #[test]
    fn units_of_one_dimension_are_those_that_the_library_converts() {
        let units: Vec<Unit> =
            UNITS.iter().filter(|entry| entry.1.is_some()).map(|entry| Unit::simple(entry.0)).collect();
        let mut firsts: Vec<Unit> = Vec::new();
        for unit in &units {
            if firsts.iter().all(|first| first.dimension() != unit.dimension()) {
                firsts.push(*unit);
            }
        }
        for unit in &units {
            // A degree is a number to the library, as a percent is.
            for first in firsts.iter().filter(|first| first.top != "°" && unit.top != "°") {
                let converts = crate::compute::calculate(&format!("2 {unit} to {first}")).is_ok();
                assert_eq!(converts, unit.dimension() == first.dimension(), "{unit} to {first}");
            }
        }
    }

    /// `N/mm²` is a pressure: else a figure of the question would come back as a fact in another unit.
    #[test]
    fn a_unit_per_another_measures_what_the_library_makes_of_it() {
        let of = |text: &str| Unit::read(text).unwrap().0;
        for (one, other, same) in [
            ("N/mm²", "bar", true),
            ("J/s", "W", true),
            ("kWh/h", "kW", true),
            ("V/A", "Ω", true),
            ("Nm/m", "N", true),
            ("l/m²", "mm", true),
            ("l/min", "m³/h", true),
            ("l/min", "l", false),
            ("g/l", "bar", false),
            ("EUR/h", "EUR", false),
        ] {
            let (one, other) = (of(one), of(other));
            assert_eq!(one.dimension() == other.dimension(), same, "{one} and {other}");
            assert_eq!(crate::compute::calculate(&format!("2 {one} to {other}")).is_ok(), same, "{one} to {other}");
        }
        assert_eq!(of("g/g").dimension(), Dimension::NUMBER);
    }
}
