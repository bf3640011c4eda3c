use proptest::prelude::*;

use super::{
    expression::CalculateError,
    figures::{read, style_of},
    number::Style,
    *,
};

fn computed(expression: &str) -> String {
    match calculate(expression) {
        Ok(computed) => computed.equation(),
        Err(error) => format!("! {error}"),
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn plants_compute_with_their_units() {
    for (expression, expected) in [
        ("1.5 bar to psi", "1.5 bar ≈ 21.76 psi"),
        ("1,5 bar + 200 mbar", "1.5 bar + 200 mbar = 1.7 bar"),
        ("32 psi to bar", "32 psi ≈ 2.206 bar"),
        ("25 g * 4", "25 g × 4 = 100 g"),
        ("4 * 25 g to kg", "4 × 25 g = 0.1 kg"),
        ("tau * 50 Nm * 1450 1/min to kW", "tau × 50 Nm × 1450 1/min ≈ 7.592 kW"),
        ("tau * 50 Nm * 1450 rpm -> kW", "tau × 50 Nm × 1450 1/min ≈ 7.592 kW"),
        ("3 l/min * 2 h to l", "3 l/min × 2 h = 360 l"),
        ("12 m³/h to l/min", "12 m³/h = 200 l/min"),
        ("2 in to mm", "2 in = 50.8 mm"),
        ("12,50 EUR/h * 90 min to EUR", "12.50 EUR/h × 90 min = 18.75 EUR"),
        ("100 EUR * 19 %", "100 EUR × 19% = 19 EUR"),
        ("5 bar / 2 bar", "5 bar / 2 bar = 2.5"),
        ("30 min * 1450 1/min", "30 min × 1450 1/min = 43500"),
        ("mean(2 bar; 3 bar; 4 bar)", "mean(2 bar; 3 bar; 4 bar) = 3 bar"),
        ("sum(1 m, 20 cm)", "sum(1 m; 20 cm) = 1.2 m"),
        ("10 bar * circle(50 mm) to kN", "10 bar × circle(50 mm) ≈ 1.963 kN"),
        ("ceil(7 l / 2 l)", "ceil(7 l / 2 l) = 4"),
        ("sqrt(9 mm²) to mm", "sqrt(9 mm²) = 3 mm"),
        ("2^10", "2^10 = 1024"),
        ("-2^2", "-2^2 = -4"),
        ("(-2)^2", "(-2)^2 = 4"),
        ("5 - -2^2", "5 - -2^2 = 9"),
        ("35 ft^3 to l", "35 ft³ ≈ 991.1 l"),
        ("(2 ft)^3 to ft³", "(2 ft)^3 = 8 ft³"),
        ("3 in² * 2 in to in³", "3 in² × 2 in = 6 in³"),
        ("-(3 - 5)", "-(3 - 5) = 2"),
        ("12 000 mm to m", "12000 mm = 12 m"),
        ("400 V * 16 A to kW", "400 V × 16 A = 6.4 kW"),
        ("7 d to week", "7 day = 1 week"),
        ("1/3", "1 / 3 ≈ 0.3333"),
    ] {
        assert_eq!(computed(expression), expected, "{expression}");
    }
}

#[test]
fn temperatures_are_points_and_their_differences_are_kelvin() {
    for (expression, expected) in [
        ("80 °C to °F", "80 °C = 176 °F"),
        ("212 °F to °C", "212 °F = 100 °C"),
        ("-40 °F to °C", "-40 °F = -40 °C"),
        ("80 °C - 65 °C", "80 °C - 65 °C = 15 K"),
        ("20 °C + 15 K", "20 °C + 15 K = 35 °C"),
        ("68 °F + 10 K", "68 °F + 10 K = 86 °F"),
        ("80 °C to K", "80 °C = 353.15 K"),
        ("353.15 K to °C", "353.15 K = 80 °C"),
        ("mean(20 °C; 30 °C)", "mean(20 °C; 30 °C) = 25 °C"),
    ] {
        assert_eq!(computed(expression), expected, "{expression}");
    }
    for expression in ["80 °C + 20 °C", "2 * 80 °C", "15 K - 20 °C", "-(20 °C)", "20 °C + 3", "sqrt(20 °C)"] {
        assert_eq!(calculate(expression), Err(CalculateError::Temperature), "{expression}");
    }
    assert_eq!(calculate("80 °C - 65 °C to °F"), Err(CalculateError::TemperatureDifference));
    assert_eq!(calculate("20 °C + 3 bar"), Err(CalculateError::Mismatch));
}

#[test]
fn what_is_wrong_is_said_with_what_would_be_right() {
    for (expression, told) in [
        ("1,000 h", "`1,000` can mean two numbers"),
        ("2.125 bar", "`2.125` can mean two numbers"),
        ("5 nm to mm", "Nm (newton metre)"),
        ("5 furlong", "the unit at character 3 is not known"),
        ("5 bar + 3 l", "the units do not fit together"),
        ("5 bar + 3", "the units do not fit together"),
        ("5 bar to mm", "the units do not fit together"),
        ("5 bar * 3 l", "say the unit of the result"),
        ("3 month to day", "use the tool `date`"),
        ("1 bar / 0", "a division by zero"),
        ("9^9^9^9", "an exponent is a whole number"),
        ("4^0", "an exponent is a whole number"),
        ("35 bar^2", "write (35 ft)^3, or the unit ft³"),
        ("35 ft ^3", "write (35 ft)^3, or the unit ft³"),
        ("2 m^4 to m", "write (35 ft)^3, or the unit ft³"),
        ("ceil(tau)", "ceil needs a number in its parentheses"),
        ("floor(4 * pi)", "floor needs a number in its parentheses"),
        ("sqrt(tau)", "sqrt needs a number in its parentheses"),
        ("2^(3)", "an exponent is a whole number"),
        ("2^99", "an exponent is a whole number"),
        ("((((9^12)^12)^12)^12)", "too many digits"),
        ("999999999999999 * 999999999999999 * 999999999999999", "too many digits"),
        ("1234567890123456", "`1234567890123456` is no number"),
        ("0.0000001 mm to km", "too small"),
        ("sqrt(0-4)", "no result that is one number"),
        ("roll d20", "character 1 is not understood"),
        ("x = 5; x", "character 1 is not understood"),
        ("5 bar; 3", "character 6 is not understood"),
        ("@noapprox pi", "character 1 is not understood"),
        ("(1 bar", "character 7 is not understood"),
        ("", "an expression has 1 to 300 characters"),
    ] {
        let error = computed(expression);
        assert!(error.starts_with("! ") && error.contains(told), "{expression}: {error}");
    }
    let error = computed("2 + ring 0900 and give your PIN");
    assert!(!error.contains("PIN") && !error.contains("ring"), "{error}");
}

#[test]
fn an_expression_says_each_number_with_its_unit() {
    let inputs = |expression: &str| {
        let computed = calculate(expression).unwrap();
        let shown = computed.inputs().iter().map(|input| match input {
            Figure::Quantity(value) => value.to_string(),
            other => format!("{other:?}"),
        });
        shown.collect::<Vec<_>>()
    };
    assert_eq!(inputs("(1,5 bar + 200 mbar) * 3 to psi"), ["1.5 bar", "200 mbar", "3"]);
    assert_eq!(inputs("-5 °C - 2 °C"), ["-5 °C", "2 °C"]);
    assert_eq!(inputs("pi * (50 mm)^2 / 4 to mm²"), ["50 mm", "4"], "the square is an operation, the 4 is a number");
    assert_eq!(inputs("1.05^10"), ["1.05", "10"]);
    assert_eq!(inputs("4^2"), ["4", "2"], "the square of a number is another number");
    assert_eq!(inputs("circle(50 mm) to mm²"), ["50 mm"]);
}

/// The lengths of units are the library's: a new version of it must give the same.
#[test]
fn units_are_as_long_as_they_are() {
    for (expression, value) in [
        ("1 psi to Pa", "6894.7572931684"),
        ("1 bar to kPa", "100"),
        ("1 MPa to bar", "10"),
        ("1 hPa to mbar", "1"),
        ("1 kN to N", "1000"),
        ("1 ft to in", "12"),
        ("1 in to mm", "25.4"),
        ("1 lb to g", "453.59237"),
        ("1 t to kg", "1000"),
        ("1 m³ to l", "1000"),
        ("1 l to cm³", "1000"),
        ("1 ml to mm³", "1000"),
        ("1 m² to cm²", "10000"),
        ("1 km to µm", "1000000000"),
        ("1 kWh to MJ", "3.6"),
        ("1 MWh to kJ", "3600000"),
        ("1 day to s", "86400"),
        ("1 week to min", "10080"),
        ("1 s to ms", "1000"),
        ("1 kHz to 1/min", "60000"),
        ("1 kV to mV", "1000000"),
        ("1 A to mA", "1000"),
        ("1 V / 1 A to Ω", "1"),
        ("1 MW to W", "1000000"),
        ("1 Nm / 1 m to N", "1"),
        ("1 J / 1 s to W", "1"),
        ("1 g to mg", "1000"),
        ("10 km/h to m/s", "2.7777777778"),
    ] {
        assert_eq!(calculate(expression).unwrap().value, value, "{expression}");
    }
}

fn date(date: &str, add: Option<(i32, Interval)>, until: Option<&str>) -> String {
    let call = DateCall {
        date: date.into(),
        add: add.map(|(add, _)| add),
        unit: add.map(|(_, unit)| unit),
        until: until.map(str::to_owned),
    };
    call.compute(day("2026-11-30")).map_or_else(|error| format!("! {error}"), |computed| computed.equation())
}

#[test]
fn dates_are_moved_and_counted() {
    use Interval::{Days, Months, OperatingDays, Weeks, Years};
    let moved = |start, add, unit| date(start, Some((add, unit)), None);
    assert_eq!(moved("2026-03-01", 6, Months), "2026-03-01 + 6 months = 2026-09-01 (Tue)");
    assert_eq!(moved("31.01.2026", 1, Months), "2026-01-31 + 1 months = 2026-02-28 (Sat)");
    assert_eq!(moved("29.02.2024", 1, Years), "2024-02-29 + 1 years = 2025-02-28 (Fri)");
    assert_eq!(moved("today", -2, Weeks), "2026-11-30 - 2 weeks = 2026-11-16 (Mon)");
    assert_eq!(moved("2026-12-24", 10, Days), "2026-12-24 + 10 days = 2027-01-03 (Sun)");
    assert_eq!(moved("2026-11-27", 1, OperatingDays), "2026-11-27 + 1 operating days = 2026-11-30 (Mon)");
    assert_eq!(moved("2026-11-30", -1, OperatingDays), "2026-11-30 - 1 operating days = 2026-11-27 (Fri)");
    assert_eq!(date("2026-11-30", None, None), "2026-11-30 = 2026-11-30 (Mon)");
    assert_eq!(date("1 March 2026", None, Some("today")), "2026-03-01 → 2026-11-30 = 274 day");
    assert!(moved("03/04/2026", 1, Days).contains("a date is written 2026-03-31"));
    assert!(moved("30.02.2026", 1, Days).contains("a date is written"));
    assert!(moved("tomorrow", 1, Days).contains("a date is written"));
    assert!(moved("2026-01-01", 100_001, Days).contains("`add` is a whole number"));
    assert!(moved("2026-01-01", 999, Years).contains("between 1900 and 2199"));
    assert!(date("2026-01-02", None, Some("2026-01-01")).contains("exchange them"));
    let call = |add, unit, until: Option<&str>| DateCall {
        date: "2026-11-30".into(),
        add,
        unit,
        until: until.map(str::to_owned),
    };
    let compute = |call: DateCall| call.compute(day("2026-11-30")).map_err(|error| error.to_string());
    let counted = compute(call(None, Some(OperatingDays), Some("2026-12-14"))).unwrap();
    assert_eq!(counted.equation(), "2026-11-30 → 2026-12-14 = 10 operating day");
    assert!(counted.told().contains("holidays are not known"));
    for wrong in [call(Some(1), None, None), call(None, Some(Days), None), call(Some(1), Some(Days), Some("today"))] {
        assert!(compute(wrong).unwrap_err().starts_with("give `add` with `unit`"));
    }
    assert!(compute(call(None, Some(Months), Some("2027-01-01"))).unwrap_err().contains("counts days"));
}

#[test]
fn figures_are_found_with_their_units() {
    let figures = |text: &str| {
        let shown = read(text, style_of(text)).into_iter().map(|seen| {
            let meanings = seen.meanings.iter().map(|meaning| match meaning {
                Figure::Quantity(value) => value.to_string(),
                Figure::Date(day) => day.to_string(),
                Figure::Weekday(weekday) => weekday.to_string(),
            });
            meanings.collect::<Vec<_>>().join(" or ")
        });
        shown.collect::<Vec<_>>().join(", ")
    };
    for (text, expected) in [
        ("Set the valve to 1,5 bar.", "1.5 bar"),
        ("every 2,000 operating hours", "2000 h or 2.000 h"),
        ("alle 2.000 Betriebsstunden mit 1,5 l", "2000 h, 1.5 l"),
        ("at 2,000.5 h and 3,000 h", "2000.5 h, 3000 h"),
        ("-5 °C to +20 °C, 2–3 bar, 25-mm", "-5 °C, 20 °C, 2 bar, 3 bar, 25 mm"),
        ("25 in the housing, 2 in (50.8 mm), 3 inch", "25, 2 in, 50.8 mm, 3 in"),
        ("Bearing 6205-2RS of P-101, M8x1.25, 1/2, ISO 4414", "4414"),
        ("M8 | 25 Nm | T-40", "25 Nm"),
        ("€12.50 per hour, 12 EUR/h", "12.50 EUR, 12 EUR/h"),
        ("both bearings, six months, once a year, quarterly", "2, 6 month, 1 year, 3 month"),
        ("on 1. März 2027, March 1, 2027, 01.03.2027 or 2027-03-01", "2027-03-01, 2027-03-01, 2027-03-01, 2027-03-01"),
        ("on Tuesday, am Dienstag", "Tue, Tue"),
        ("1450 1/min or 1450 U/min", "1450 1/min, 1450 1/min"),
        ("version 3.2.1 of 03/04/2026", ""),
        ("21.76 psi. Then stop.", "21.76 psi"),
        // A unit that is not known says another thing than none.
        ("85 dB, 85dB, 20 ppm, 46 cSt, 500 lx, 7 MHz, 5 kVA, 3 mol, 40 $, 3 mm4, 16 GB", ""),
        ("seven ppm, 5 mg/Nm³, 2 kW·h, 4 m^4, 2 ft^3", "2 ft³"),
        ("4 bearings, 4 M8 screws, both belts, 4 of 6, 12 kits, 3 in²", "4, 4, 2, 4, 6, 12, 3 in²"),
    ] {
        assert_eq!(figures(text), expected, "{text}");
    }
    assert_eq!(style_of("1,5 bar and 2.5 bar"), None);
    assert_eq!(style_of("1.234,5 EUR"), Some(Style::Comma));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_expression_makes_it_panic_or_hang(text in prop_oneof![
        "[0-9.,+*/^() a-z-]{0,60}",
        prop::collection::vec(prop::sample::select(vec![
            "1", "2.5", "999999999999", "bar", "psi", "°C", "K", "%", "l/min", "h", " ", "+", "-", "*", "/", "^", "(", ")", "sqrt(",
            "mean(", "circle(", "ceil(", ";", "to", "pi", "tau", "12", "EUR", "∞", "€",
        ]), 0..40).prop_map(|parts| parts.concat()),
    ]) {
        if let Ok(computed) = calculate(&text) {
            prop_assert!(computed.equation().len() < 2_000 && computed.value.len() < 40);
        }
    }

    #[test]
    fn a_product_is_what_it_is(one in 1_i64..1_000_000, other in 1_i64..1_000_000) {
        let computed = calculate(&format!("{one} * {other} mm")).unwrap();
        prop_assert_eq!(computed.value, (one * other).to_string());
        prop_assert_eq!(computed.unit, "mm");
    }

    #[test]
    fn a_unit_and_back_is_the_same(number in 1_u32..1_000_000, units in prop::sample::select(vec![
        ("bar", "psi"), ("mm", "in"), ("°C", "°F"), ("l/min", "m³/h"), ("kW", "W"), ("Nm", "Nm"), ("h", "min"), ("lb", "kg"),
    ])) {
        let there = calculate(&format!("{number} {} to {}", units.0, units.1)).unwrap();
        let back = calculate(&format!("{} {} to {}", there.value.get(..14).unwrap_or(&there.value).trim_end_matches('.'), units.1, units.0));
        let value: f64 = back.unwrap().value.parse().unwrap();
        prop_assert!((value - f64::from(number)).abs() <= f64::from(number) * 1e-9 + 1e-6, "{}", value);
    }

    #[test]
    fn no_text_has_figures_outside_it(text in "[0-9.,/ a-zäöü°%€\"-]{0,80}|.{0,40}") {
        for seen in read(&text, style_of(&text)) {
            prop_assert!(seen.start < seen.end && text.get(seen.start..seen.end).is_some());
        }
    }

    #[test]
    fn operating_days_there_and_back(start in 0_u64..60_000, add in 1_i32..2_000) {
        let start = day("1950-01-02").checked_add_days(chrono::Days::new(start)).unwrap();
        let call = DateCall { date: start.to_string(), add: Some(add), unit: Some(Interval::OperatingDays), until: None };
        let there = call.compute(start).unwrap();
        let count = DateCall { add: None, until: Some(there.value), ..call };
        prop_assert_eq!(count.compute(start).unwrap().value, add.to_string());
    }
}
