//! Contexts from files: `--context NAME=FILE`.

use crate::cli::CliError;
use crate::run;

/// Reads a context: `NAME=FILE`.
pub(super) fn read(text: &str) -> Result<run::Context, CliError> {
    let Some((name, file)) = text
        .split_once('=')
        .filter(|(n, f)| !n.is_empty() && !f.is_empty())
    else {
        return Err(CliError::usage(format!("`{text}` is no context"))
            .hint("write NAME=FILE: `--context deploy=deploy.env`"));
    };
    let read = std::fs::read_to_string(file)
        .map_err(|e| CliError::input(format!("cannot read {file}: {e}")))?;
    let variables = variables(&read).map_err(|line| {
        CliError::input(format!("{file}:{line}: no variable"))
            .hint("write NAME=VALUE, one a line; `#` begins a comment")
    })?;
    Ok(run::Context {
        name: name.to_owned(),
        variables,
    })
}

/// Reads variables, one a line; the number of a line that is none of them is the error.
fn variables(text: &str) -> Result<Vec<(String, String)>, usize> {
    let mut out = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let fits = |name: &str| {
            !name.is_empty()
                && !name.starts_with(|c: char| c.is_ascii_digit())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        let Some((name, value)) = line.split_once('=').filter(|(name, _)| fits(name)) else {
            return Err(i + 1);
        };
        let quoted = ['"', '\'']
            .iter()
            .find_map(|q| value.strip_prefix(*q)?.strip_suffix(*q));
        out.push((name.to_owned(), quoted.unwrap_or(value).to_owned()));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::variables;

    #[test]
    fn variables_stand_one_a_line() {
        let text = "# a comment\n\nA=1\nexport B='two words'\nC=\"x=y\"\n D = no\n";
        assert_eq!(variables(text), Err(6));
        let own = |pairs: &[(&str, &str)]| {
            let own = pairs
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
            Ok(own.collect::<Vec<_>>())
        };
        let five: String = text.lines().take(5).map(|l| format!("{l}\n")).collect();
        assert_eq!(
            variables(&five),
            own(&[("A", "1"), ("B", "two words"), ("C", "x=y")])
        );
    }
}
