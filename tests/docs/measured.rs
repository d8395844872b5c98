//! Tables of what was measured: made from `benches/results.json`, which `benches/compare` writes, and
//! held against the pages that show them, between `<!-- measured: NAME -->` and `<!-- /measured -->`.

use serde_json::Value;

use crate::{common, current};

const PAGES: [&str; 2] = ["benches/README.md", "docs/comparison.md"];

/// What the comparison shows of the layers, and what it says of it; the whole table is elsewhere.
const LAYERS: [(&str, &str); 7] = [
    ("persist", "`holdall persist`"),
    (
        "persist, unchanged",
        "`holdall persist` of an unchanged tree",
    ),
    (
        "tar | zstd -1 -T2, sha256sum",
        "`tar \\| zstd -1 -T2`, then `sha256sum`",
    ),
    ("tar | gzip", "`tar \\| gzip`"),
    ("attach", "`holdall attach`"),
    (
        "attach, repeated",
        "`holdall attach` of what is there already",
    ),
    (
        "sha256sum, zstd -dc | tar -x",
        "`sha256sum`, then `zstd -dc \\| tar -x`",
    ),
];

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// A whole number, with a comma for thousands.
fn whole(value: &Value) -> String {
    let digits = format!("{:.0}", number(value));
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Milliseconds, or seconds from a tenth of one on.
fn time(milliseconds: &Value) -> String {
    let ms = number(milliseconds);
    match ms {
        1000.0.. => format!("{:.1} s", ms / 1000.0),
        150.0.. => format!("{:.2} s", ms / 1000.0),
        _ => format!("{ms:.0} ms"),
    }
}

/// When and where it was measured.
fn place(section: &Value) -> String {
    let rounds = number(&section["rounds"]);
    let (date, machine) = (text(&section["date"]), text(&section["machine"]));
    format!("Measured {date} in {rounds:.0} rounds on {machine}:\n\n")
}

/// Shows commands and options as such, in a cell.
fn shown(what: &str) -> String {
    if what.contains('|') {
        return format!("`{}`", what.replace('|', "\\|"));
    }
    let words = what.split(' ').map(|word| {
        if word.starts_with("--") {
            format!("`{word}`").replace(",`", "`,")
        } else {
            word.to_owned()
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn rows(section: &Value) -> &Vec<Value> {
    section["rows"].as_array().unwrap()
}

fn row<'a>(section: &'a Value, what: &str) -> &'a Value {
    let found = rows(section).iter().find(|row| row["what"] == what);
    found.unwrap_or_else(|| panic!("nothing was measured of `{what}`"))
}

fn lint(section: &Value) -> String {
    let (jobs, real) = (row(section, "1500 jobs"), row(section, "real configs"));
    let mut out = place(section) + "| | seen |\n|---|---|\n";
    out += &format!(
        "| `holdall lint` on a config of 1,500 jobs | {}; the YAML parser alone, {} |\n",
        time(&jobs["lint_ms"]),
        time(&jobs["events_ms"])
    );
    let files = whole(&real["files"]);
    out += &format!(
        "| `holdall lint` on {files} real configs | {} |\n",
        time(&real["lint_ms"])
    );
    let against = &real["check_jsonschema"];
    out += &format!(
        "| `check-jsonschema --builtin-schema vendor.circle-ci` on the same {files} | {}: {:.0} times as long \
         ({:.0} to {:.0}), for the shape alone |\n",
        time(&real["check_jsonschema_ms"]),
        number(&against["times"]),
        number(&against["least"]),
        number(&against["most"])
    );
    out
}

fn layers(section: &Value) -> String {
    let mut out = format!(
        "{} files of {} MB. {}",
        whole(&section["files"]),
        whole(&section["mb"]),
        place(section)
    );
    out += "| | seconds | against holdall |\n|---|---|---|\n";
    for (what, shown) in LAYERS {
        let row = row(section, what);
        let own = shown.contains("holdall");
        let times = number(&row["times"]);
        let times = if own {
            String::new()
        } else {
            format!("{times:.1} times ")
        };
        out += &format!("| {shown} | {:.2} | {times}|\n", number(&row["seconds"]));
    }
    out
}

fn layers_in_full(section: &Value) -> String {
    let mut out = format!(
        "{} files of {} MB in {} folders. {}",
        whole(&section["files"]),
        whole(&section["mb"]),
        whole(&section["folders"]),
        place(section)
    );
    out += "| | seconds (least) | user | sys | peak MB | MB | × holdall (least / least) |\n";
    out += "|---|---|---|---|---|---|---|\n";
    for row in rows(section) {
        let what = shown(text(&row["what"]));
        let of = |key: &str| number(&row[key]);
        let size = row["mb"]
            .as_f64()
            .map_or(String::new(), |mb| format!("{mb:.1} "));
        out += &format!(
            "| {what} | {:.2} ({:.2}) | {:.2} | {:.2} | {:.0} | {size}| {:.2} ({:.2}) |\n",
            of("seconds"),
            of("least"),
            of("user"),
            of("sys"),
            of("peak_mb"),
            of("times"),
            of("times_least")
        );
    }
    out
}

fn run(section: &Value) -> String {
    let mut out = place(section);
    out += "| way | ms a job | more than by hand, ms a job |\n|---|---|---|\n";
    for row in rows(section) {
        let what = text(&row["what"]);
        let ms = number(&row["ms"]["median"]);
        // By hand it is no more than by hand.
        let more = match (what, &row["more_ms"]) {
            ("by hand", _) | (_, Value::Null) => String::new(),
            (_, more) => format!(
                "{:.1} ({:.1} to {:.1}) ",
                number(&more["median"]),
                number(&more["least"]),
                number(&more["most"])
            ),
        };
        out += &format!("| {} | {ms:.1} | {more}|\n", shown(what));
    }
    let asleep = section["asleep_s"].as_object().unwrap();
    let each = asleep
        .iter()
        .map(|(option, s)| format!("{:.1} s with `{option}`", number(&s["median"])));
    let each: Vec<String> = each.collect();
    out += &format!(
        "\n{} jobs that sleep for a second take {}.\n",
        whole(&section["sleepers"]),
        each.join(", ")
    );
    out
}

fn table(results: &Value, name: &str) -> String {
    match name {
        "lint" => lint(&results["lint"]),
        "layers" => layers(&results["layers"]),
        "layers in full" => layers_in_full(&results["layers"]),
        "run" => run(&results["run"]),
        _ => panic!("nothing is measured under the name of {name}"),
    }
}

/// Puts the tables where a page has marks for them; says how many.
fn with_tables(results: &Value, page: &str) -> (String, usize) {
    let (begin, end) = ("<!-- measured: ", "<!-- /measured -->");
    let mut out = String::new();
    let mut rest = page;
    let mut tables = 0;
    while let Some((before, after)) = rest.split_once(begin) {
        let (name, after) = after.split_once(" -->\n").unwrap();
        let (_, after) = after.split_once(end).unwrap();
        let table = table(results, name);
        out += &format!("{before}{begin}{name} -->\n{table}{end}");
        (rest, tables) = (after, tables + 1);
    }
    (out + rest, tables)
}

fn results() -> Value {
    let path = common::root().join("benches/results.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn tables_are_of_what_was_measured() {
    let results = results();
    for name in PAGES {
        let page = std::fs::read_to_string(common::root().join(name)).unwrap();
        let (text, tables) = with_tables(&results, &page);
        assert!(tables > 1, "{name} has {tables} tables");
        current(name, &text);
    }
}

#[test]
fn another_result_is_another_table() {
    let page = "a\n<!-- measured: run -->\nold\n<!-- /measured -->\nz\n";
    let mut results = results();
    let (text, _) = with_tables(&results, page);
    assert!(text.starts_with("a\n<!-- measured: run -->\n") && text.contains(" rounds on "));
    assert!(text.ends_with(".\n<!-- /measured -->\nz\n") && !text.contains("old"));
    assert_eq!(with_tables(&results, &text).0, text);
    results["run"]["rows"][0]["ms"]["median"] = 123.4.into();
    let changed = with_tables(&results, &text).0;
    assert!(changed.contains("| by hand | 123.4 | |"), "{changed}");
}
