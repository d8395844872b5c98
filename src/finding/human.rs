//! Findings for a person: the text itself, framed, with a label on every place.

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError,
    MietteSpanContents, SourceCode, SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};

use super::{Counts, Finding, Report, Severity};
use crate::yaml::{Location, Source, SourceId};

/// How findings may look where they are printed.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Colours and bold.
    pub color: bool,
    /// Box-drawing characters.
    pub unicode: bool,
    /// Columns to wrap at.
    pub width: usize,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            color: false,
            unicode: true,
            width: 100,
        }
    }
}

/// A finding as miette wants it: the labels of one text, the others as related diagnostics.
#[derive(Debug)]
struct Framed<'r> {
    title: String,
    code: Option<&'static str>,
    severity: miette::Severity,
    labels: Vec<LabeledSpan>,
    source: &'r Text,
    footer: Option<String>,
    related: Vec<Framed<'r>>,
}

/// A text that says of its parts how many lines they have. miette's own sources count from the
/// start of the text instead, which joins two labels into one frame over all that lies between
/// them as soon as the second stands before twice the line of the first; and they read the text
/// from its start for every label.
#[derive(Debug, Default)]
struct Text {
    name: String,
    text: std::sync::Arc<str>,
    /// Where lines begin, as miette counts them: behind each `\n`.
    starts: Vec<usize>,
}

/// Two labels with no more lines than this between their frames share one.
const JOINED: usize = 6;

impl Text {
    fn new(source: &Source) -> Self {
        let breaks = source.text().match_indices('\n').map(|(i, _)| i + 1);
        Self {
            name: source.name(),
            text: source.text_arc(),
            starts: std::iter::once(0).chain(breaks).collect(),
        }
    }

    /// Returns the line that an offset is in.
    fn line_of(&self, offset: usize) -> usize {
        self.starts
            .partition_point(|s| *s <= offset)
            .saturating_sub(1)
    }
}

impl SourceCode for Text {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        // A line more on both sides than is asked for, so that the part ends like the whole text.
        let first = self.line_of(span.offset()).saturating_sub(before + 1);
        let last = self.line_of(span.offset().saturating_add(span.len())) + after + 2;
        let start = self.starts.get(first).copied().unwrap_or(0);
        let end = self.starts.get(last).copied().unwrap_or(self.text.len());
        let near = self.text.get(start..end).unwrap_or_default();
        let within = SourceSpan::from((span.offset().saturating_sub(start), span.len()));
        let part = near.read_span(&within, before, after)?;
        let lines = part.data().iter().filter(|b| **b == b'\n').count();
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            part.data(),
            SourceSpan::from((part.span().offset() + start, part.span().len())),
            part.line() + first,
            part.column(),
            lines + JOINED,
        )))
    }
}

impl std::fmt::Display for Framed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.title)
    }
}

impl std::error::Error for Framed<'_> {}

impl Diagnostic for Framed<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.code
            .map(|code| Box::new(code) as Box<dyn std::fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.footer
            .as_ref()
            .map(|text| Box::new(text) as Box<dyn std::fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        (!self.labels.is_empty()).then_some(self.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty())
            .then(|| Box::new(self.labels.iter().cloned()) as Box<dyn Iterator<Item = LabeledSpan>>)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        (!self.related.is_empty()).then(|| {
            Box::new(self.related.iter().map(|r| r as &dyn Diagnostic))
                as Box<dyn Iterator<Item = &dyn Diagnostic>>
        })
    }
}

/// Renders the findings of one report.
pub(super) fn frames(report: &Report, look: Look) -> String {
    if report.findings.is_empty() {
        return String::new();
    }
    let theme = GraphicalTheme {
        characters: if look.unicode {
            ThemeCharacters::unicode()
        } else {
            ThemeCharacters::ascii()
        },
        styles: if look.color {
            ThemeStyles::ansi()
        } else {
            ThemeStyles::none()
        },
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(look.width)
        .with_links(false)
        .with_context_lines(1);
    let mut out = String::new();
    let texts = Texts {
        all: report.sources.iter().map(|(_, s)| Text::new(s)).collect(),
        none: Text::default(),
    };
    for finding in &report.findings {
        let framed = frame(report, &texts, finding);
        // Writing into a string cannot fail; a frame that does is still named in words.
        if handler.render_report(&mut out, &framed).is_err() {
            out.push_str(&finding.title);
        }
        for note in &finding.notes {
            out.push_str(&wrapped("  note: ", note, look.width));
        }
        out.push('\n');
    }
    out
}

/// The texts of a report.
struct Texts {
    all: Vec<Text>,
    /// What stands in for one that is not there.
    none: Text,
}

impl Texts {
    fn get(&self, id: SourceId) -> &Text {
        self.all.get(usize::from(id.0)).unwrap_or(&self.none)
    }
}

fn frame<'r>(report: &Report, texts: &'r Texts, finding: &Finding) -> Framed<'r> {
    let severity = match finding.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
        Severity::Info => miette::Severity::Advice,
    };
    let main = finding
        .primary()
        .map_or(SourceId::default(), |l| l.at.source);
    let mut framed = part(report, texts, finding, main, severity);
    let far = finding.labels.iter().any(|l| in_long_line(report, l.at));
    if far {
        // A frame would print the whole line: the places are said in words.
        framed.labels.clear();
    }
    framed.title.clone_from(&finding.title);
    framed.code = Some(finding.rule);
    framed.footer.clone_from(&finding.help);
    if far {
        let places: Vec<String> = finding.labels.iter().map(|l| place(report, l)).collect();
        let help = framed
            .footer
            .take()
            .map(|h| format!("\n{h}"))
            .unwrap_or_default();
        framed.footer = Some(format!("{}{help}", places.join("\n")));
        return framed;
    }
    let mut others: Vec<SourceId> = finding
        .labels
        .iter()
        .map(|l| l.at.source)
        .filter(|s| *s != main)
        .collect();
    others.sort_unstable();
    others.dedup();
    framed.related = others
        .into_iter()
        .map(|source| part(report, texts, finding, source, severity))
        .collect();
    framed
}

fn part<'r>(
    report: &Report,
    texts: &'r Texts,
    finding: &Finding,
    source: SourceId,
    severity: miette::Severity,
) -> Framed<'r> {
    let labels = finding
        .labels
        .iter()
        .filter(|l| l.at.source == source)
        .map(|l| {
            let words = (!l.text.is_empty()).then(|| l.text.clone());
            let at = range(report, l.at);
            if l.primary {
                LabeledSpan::new_primary_with_span(words, at)
            } else {
                LabeledSpan::new_with_span(words, at)
            }
        })
        .collect();
    Framed {
        title: String::from("also here"),
        code: None,
        severity,
        labels,
        source: texts.get(source),
        footer: None,
        related: Vec::new(),
    }
}

/// Breaks a text at blanks, its later lines indented like the first one's text.
fn wrapped(lead: &str, text: &str, width: usize) -> String {
    let mut out = String::from(lead);
    let mut column = lead.len();
    for (i, word) in text.split_whitespace().enumerate() {
        let len = word.chars().count();
        if i > 0 && column + 1 + len > width {
            out.push('\n');
            out.push_str(&" ".repeat(lead.len()));
            column = lead.len();
        } else if i > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += len;
    }
    out.push('\n');
    out
}

/// Longest line, in bytes, that is shown in a frame.
const LONGEST_LINE: usize = 1000;

fn in_long_line(report: &Report, at: Location) -> bool {
    let Some(source) = report.sources.get(at.source) else {
        return false;
    };
    let lines = source.lines();
    let line = lines.line_of(at.span.start);
    let start = lines.start_of(line).unwrap_or(0) as usize;
    let end = lines
        .start_of(line + 1)
        .map_or(source.text().len(), |e| e as usize);
    end - start > LONGEST_LINE
}

/// Says a place in words: file, line, column, and what is to be said about it.
fn place(report: &Report, label: &super::Label) -> String {
    let Some(source) = report.sources.get(label.at.source) else {
        return label.text.clone();
    };
    let p = source.lines().position(source.text(), label.at.span.start);
    format!("{}:{}:{}: {}", source.name(), p.line, p.column, label.text)
}

/// A label over many lines hides the text that it is about: only its first line is marked.
fn range(report: &Report, at: Location) -> std::ops::Range<usize> {
    let text = report.sources.get(at.source).map_or("", |s| s.text());
    let range = at.span.range();
    let start = range.start.min(text.len());
    let end = range.end.clamp(start, text.len());
    match text.get(start..end).and_then(|t| t.find(['\n', '\r'])) {
        Some(line) => start..start + line,
        None => start..end,
    }
}

/// Says how many findings there were, as the last line.
pub(super) fn summary(reports: &[Report]) -> String {
    let counts = Counts::of(reports);
    let files = match reports.len() {
        1 => "1 file".to_owned(),
        n => format!("{n} files"),
    };
    let mut parts = Vec::new();
    for (n, word) in [
        (counts.errors, "error"),
        (counts.warnings, "warning"),
        (counts.infos, "info"),
    ] {
        match n {
            0 => {}
            1 => parts.push(format!("1 {word}")),
            n if word == "info" => parts.push(format!("{n} {word}")),
            n => parts.push(format!("{n} {word}s")),
        }
    }
    if parts.is_empty() {
        format!("{files} checked: nothing to say\n")
    } else {
        format!(
            "{files} checked: {}{}\n",
            parts.join(", "),
            fixable(reports)
        )
    }
}

/// Says how many findings `--fix` would mend.
fn fixable(reports: &[Report]) -> String {
    let fixes = reports
        .iter()
        .flat_map(|r| &r.findings)
        .filter_map(|f| f.fix.as_ref());
    let (safe, others): (Vec<_>, Vec<_>) = fixes.partition(|fix| fix.safe);
    match (safe.len(), others.len()) {
        (0, 0) => String::new(),
        (safe, 0) => format!(" ({safe} fixable with --fix)"),
        (0, others) => format!(" ({others} fixable with --fix --unsafe)"),
        (safe, others) => {
            format!(" ({safe} fixable with --fix, {others} more with --fix --unsafe)")
        }
    }
}
