//! The five fields of a schedule, as far as the service reads cron (circleci-semantics §4.7): no
//! steps, no ranges inside lists, no ranges of weekdays by name.

/// What is wrong with a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CronError {
    /// Not five fields.
    #[error("{0} of five fields are there")]
    Fields(usize),
    /// `*/5` and the like.
    #[error("`{0}`: steps are not supported")]
    Step(String),
    /// `1,3-5`.
    #[error("`{0}`: a range inside a list is not supported")]
    RangeInList(String),
    /// `Tue-Sat`.
    #[error("`{0}`: ranges of names are not supported")]
    NamedRange(String),
    /// Something that is no value of the field.
    #[error("`{text}` is no {field}: it goes from {least} to {most}")]
    Value {
        /// The text.
        text: String,
        /// The field's name.
        field: &'static str,
        /// The least value.
        least: u32,
        /// The greatest value.
        most: u32,
    },
}

impl CronError {
    /// Returns what to do about it.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Fields(_) | Self::Value { .. } => {
                "write minute, hour, day of the month, month and weekday: `0 4 * * 1`"
            }
            Self::Step(_) => "list the values: `0,15,30,45`",
            Self::RangeInList(_) | Self::NamedRange(_) => "list the values: `1,3,4,5`",
        }
    }
}

struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    /// Three letters of each value, from the least on.
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Field; 5] = [
    Field {
        name: "minute",
        least: 0,
        most: 59,
        names: &[],
    },
    Field {
        name: "hour",
        least: 0,
        most: 23,
        names: &[],
    },
    Field {
        name: "day of the month",
        least: 1,
        most: 31,
        names: &[],
    },
    Field {
        name: "month",
        least: 1,
        most: 12,
        names: &MONTHS,
    },
    Field {
        name: "weekday",
        least: 0,
        most: 7,
        names: &DAYS,
    },
];

/// Checks a schedule.
pub(super) fn check(text: &str) -> Result<(), CronError> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(CronError::Fields(fields.len()));
    }
    fields
        .iter()
        .zip(&FIELDS)
        .try_for_each(|(text, field)| field.check(text))
}

impl Field {
    fn check(&self, text: &str) -> Result<(), CronError> {
        if text == "*" {
            return Ok(());
        }
        if text.contains('/') {
            return Err(CronError::Step(text.to_owned()));
        }
        if text.contains(',') && text.contains('-') {
            return Err(CronError::RangeInList(text.to_owned()));
        }
        if let Some((from, to)) = text.split_once('-') {
            if [from, to].iter().any(|t| self.named(t).is_some()) {
                return Err(CronError::NamedRange(text.to_owned()));
            }
            let (first, last) = (self.value(from)?, self.value(to)?);
            return if first <= last {
                Ok(())
            } else {
                Err(self.wrong(text))
            };
        }
        text.split(',').try_for_each(|t| self.value(t).map(|_| ()))
    }

    fn named(&self, text: &str) -> Option<u32> {
        let word = text.to_ascii_lowercase();
        let place = self.names.iter().position(|n| *n == word)?;
        Some(self.least + u32::try_from(place).ok()?)
    }

    fn value(&self, text: &str) -> Result<u32, CronError> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = if digits { text.parse().ok() } else { None };
        number
            .filter(|n| (self.least..=self.most).contains(n))
            .or_else(|| self.named(text))
            .ok_or_else(|| self.wrong(text))
    }

    fn wrong(&self, text: &str) -> CronError {
        CronError::Value {
            text: text.to_owned(),
            field: self.name,
            least: self.least,
            most: self.most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_the_service_reads_is_read() {
        for fine in [
            "0 0 * * *",
            "0,15,30,45 * * * *",
            "0 4 1-7 * 1",
            "59 23 31 12 7",
            " 5  4 * Jan,Feb sun ",
        ] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
    }

    #[test]
    fn what_it_does_not_read_is_named() {
        for (wrong, why) in [
            ("*/5 * * * *", "`*/5`: steps are not supported"),
            ("0-30/5 * * * *", "`0-30/5`: steps are not supported"),
            (
                "0 0 * * 1,3-5",
                "`1,3-5`: a range inside a list is not supported",
            ),
            (
                "0 0 * * Tue-Sat",
                "`Tue-Sat`: ranges of names are not supported",
            ),
            ("0 0 * *", "4 of five fields are there"),
            ("60 0 * * *", "`60` is no minute: it goes from 0 to 59"),
            (
                "0 0 0 * *",
                "`0` is no day of the month: it goes from 1 to 31",
            ),
            ("0 0 * * 5-2", "`5-2` is no weekday: it goes from 0 to 7"),
            ("@daily", "1 of five fields are there"),
            (
                "0 0 * 99999999999 *",
                "`99999999999` is no month: it goes from 1 to 12",
            ),
        ] {
            let said = check(wrong).map_err(|e| e.to_string());
            assert_eq!(said, Err(why.to_owned()), "{wrong}");
        }
    }
}
