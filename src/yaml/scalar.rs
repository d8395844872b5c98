//! What a plain scalar means. YAML 1.2 and 1.1 disagree; CircleCI reads 1.1 (circleci-semantics
//! §5.13: `on`, `yes` and `off` are booleans, `012` is ten, `3.10` is 3.1, dates stay text).

use super::tree::ScalarStyle;

/// Which rules give plain scalars their types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// The YAML 1.2 core schema.
    Core12,
    /// YAML 1.1 as SnakeYAML reads it, without timestamps.
    Yaml11,
}

/// What a scalar means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<'t> {
    /// Nothing: empty, `~` or `null`.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text.
    Str(&'t str),
}

impl<'t> Scalar<'t> {
    /// Reads a scalar's text; quoted and block scalars are always text.
    #[must_use]
    pub fn read(text: &'t str, style: ScalarStyle, tag: Option<&str>, schema: Schema) -> Self {
        match tag {
            Some("!!str" | "!") => return Self::Str(text),
            None if style != ScalarStyle::Plain => return Self::Str(text),
            _ => {}
        }
        if let Some(meaning) = common(text) {
            return meaning;
        }
        match schema {
            Schema::Core12 => core12(text),
            Schema::Yaml11 => yaml11(text),
        }
        .unwrap_or(Self::Str(text))
    }
}

fn common(text: &str) -> Option<Scalar<'_>> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Some(Scalar::Null),
        "true" | "True" | "TRUE" => Some(Scalar::Bool(true)),
        "false" | "False" | "FALSE" => Some(Scalar::Bool(false)),
        ".nan" | ".NaN" | ".NAN" => Some(Scalar::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            Some(Scalar::Float(f64::INFINITY))
        }
        "-.inf" | "-.Inf" | "-.INF" => Some(Scalar::Float(f64::NEG_INFINITY)),
        _ => {
            // Most scalars are words: say no before anything is tried.
            let first = text.as_bytes().first()?;
            let numeric = first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.');
            let word = matches!(first, b'y' | b'Y' | b'n' | b'N' | b'o' | b'O');
            (!numeric && !word).then_some(Scalar::Str(text))
        }
    }
}

fn core12(text: &str) -> Option<Scalar<'_>> {
    if let Some(octal) = text.strip_prefix("0o") {
        return radix(octal, 8, false).map(Scalar::Int);
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return radix(hex, 16, false).map(Scalar::Int);
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return text
            .parse::<i64>()
            .map(Scalar::Int)
            .or_else(|_| text.parse().map(Scalar::Float))
            .ok();
    }
    is_decimal(digits).then(|| text.parse().map(Scalar::Float).ok())?
}

fn yaml11(text: &str) -> Option<Scalar<'_>> {
    match text {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Some(Scalar::Bool(true)),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Some(Scalar::Bool(false)),
        _ => {}
    }
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let sign = |n: i64| if negative { n.checked_neg() } else { Some(n) };
    if let Some(binary) = digits.strip_prefix("0b") {
        return radix(binary, 2, true).and_then(sign).map(Scalar::Int);
    }
    if let Some(hex) = digits.strip_prefix("0x") {
        return radix(hex, 16, true).and_then(sign).map(Scalar::Int);
    }
    if digits.len() > 1 && digits.starts_with('0') && digits[1..].bytes().all(is_octal) {
        return radix(&digits[1..], 8, true).and_then(sign).map(Scalar::Int);
    }
    if !digits.is_empty()
        && digits.as_bytes()[0].is_ascii_digit()
        && (digits == "0" || !digits.starts_with('0'))
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    {
        let plain = digits.replace('_', "");
        return match plain.parse::<i64>() {
            Ok(n) => sign(n).map(Scalar::Int),
            Err(_) => plain
                .parse::<f64>()
                .ok()
                .map(|f| Scalar::Float(if negative { -f } else { f })),
        };
    }
    if let Some(n) = sexagesimal(digits) {
        return sign(n).map(Scalar::Int);
    }
    let plain = digits.replace('_', "");
    if is_decimal(&plain) && plain.bytes().any(|b| matches!(b, b'.' | b'e' | b'E')) {
        let number: f64 = plain.parse().ok()?;
        return Some(Scalar::Float(if negative { -number } else { number }));
    }
    None
}

fn is_octal(b: u8) -> bool {
    matches!(b, b'0'..=b'7' | b'_')
}

fn radix(digits: &str, base: u32, underscores: bool) -> Option<i64> {
    if digits.is_empty() || (!underscores && digits.contains('_')) {
        return None;
    }
    let plain = digits.replace('_', "");
    if plain.is_empty() || plain.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(&plain, base).ok()
}

/// `1:30` is ninety: base sixty, every part behind the first below sixty.
fn sexagesimal(digits: &str) -> Option<i64> {
    let mut parts = digits.split(':');
    let first = parts.next()?;
    if first.is_empty() || first.starts_with('0') || !first.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut total: i64 = first.parse().ok()?;
    let mut more = false;
    for part in parts {
        if part.is_empty() || part.len() > 2 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let value: i64 = part.parse().ok()?;
        if value > 59 {
            return None;
        }
        total = total.checked_mul(60)?.checked_add(value)?;
        more = true;
    }
    more.then_some(total)
}

/// `[0-9]*(\.[0-9]*)?([eE][-+]?[0-9]+)?` with a digit somewhere before the exponent.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(i) => (&text[..i], Some(&text[i + 1..])),
        None => (text, None),
    };
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return false;
        }
    }
    let mut dots = 0;
    let mut digits = 0;
    for b in mantissa.bytes() {
        match b {
            b'.' => dots += 1,
            b'0'..=b'9' => digits += 1,
            _ => return false,
        }
    }
    digits > 0 && dots <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, schema: Schema) -> Scalar<'_> {
        Scalar::read(text, ScalarStyle::Plain, None, schema)
    }

    #[test]
    fn the_two_versions_disagree_where_they_should() {
        for (text, old, new) in [
            ("on", Scalar::Bool(true), Scalar::Str("on")),
            ("No", Scalar::Bool(false), Scalar::Str("No")),
            ("y", Scalar::Str("y"), Scalar::Str("y")),
            ("012", Scalar::Int(10), Scalar::Int(12)),
            ("0o12", Scalar::Str("0o12"), Scalar::Int(10)),
            ("1_000", Scalar::Int(1000), Scalar::Str("1_000")),
            ("1:30", Scalar::Int(90), Scalar::Str("1:30")),
            ("3.10", Scalar::Float(3.1), Scalar::Float(3.1)),
            ("1e3", Scalar::Float(1000.0), Scalar::Float(1000.0)),
            (
                "2019-01-01",
                Scalar::Str("2019-01-01"),
                Scalar::Str("2019-01-01"),
            ),
            ("1.2.3", Scalar::Str("1.2.3"), Scalar::Str("1.2.3")),
            ("-7", Scalar::Int(-7), Scalar::Int(-7)),
            ("-", Scalar::Str("-"), Scalar::Str("-")),
            (".", Scalar::Str("."), Scalar::Str(".")),
            ("~", Scalar::Null, Scalar::Null),
            (
                "off-by-one",
                Scalar::Str("off-by-one"),
                Scalar::Str("off-by-one"),
            ),
            (
                "99999999999999999999",
                Scalar::Float(1e20),
                Scalar::Float(1e20),
            ),
            ("08", Scalar::Str("08"), Scalar::Int(8)),
        ] {
            assert_eq!(read(text, Schema::Yaml11), old, "{text} in YAML 1.1");
            assert_eq!(read(text, Schema::Core12), new, "{text} in YAML 1.2");
        }
    }

    #[test]
    fn quotes_and_a_tag_make_text() {
        assert_eq!(
            Scalar::read("true", ScalarStyle::DoubleQuoted, None, Schema::Yaml11),
            Scalar::Str("true")
        );
        assert_eq!(
            Scalar::read("12", ScalarStyle::Plain, Some("!!str"), Schema::Yaml11),
            Scalar::Str("12")
        );
    }
}
