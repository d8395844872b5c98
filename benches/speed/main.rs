//! How much slower than its parser the linter is: the bare event pass, the tree, the compiled
//! config and the whole check, measured in turns in one process, so that the ratios hold on any
//! machine. Also writes the generated config, and runs the event pass alone for `benches/lint`.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a measurement prints what it measures, and stops where it cannot"
)]

mod config;

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use config::Kind;
use holdall::circleci::{Inputs, compile};
use holdall::lint;
use holdall::yaml::{Source, Sources};

const HELP: &str = "\
usage: cargo bench --bench speed                   measure, and print the ratios
       cargo bench --bench speed -- write FILE [SIZE] [clean|faulty|one-workflow]
       cargo bench --bench speed -- events FILE    run the parser alone over a file
       cargo bench --bench speed -- rounds N       measure with N rounds (31)";

fn main() {
    let args: Vec<String> = std::env::args()
        .skip(1)
        // What `cargo bench` adds.
        .filter(|a| a != "--bench")
        .collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [] => measure_all(31),
        ["rounds", n] => measure_all(n.parse().unwrap()),
        ["events", file] => {
            let text = std::fs::read_to_string(file).unwrap();
            println!("{} events", events(&text));
        }
        ["write", file, rest @ ..] => {
            let size = rest.first().map_or(1, |n| n.parse().unwrap());
            let kind = match rest.get(1).copied() {
                None | Some("clean") => Kind::Clean,
                Some("faulty") => Kind::Faulty,
                Some("one-workflow") => Kind::OneWorkflow,
                Some(other) => panic!("no kind of config is named {other}\n{HELP}"),
            };
            std::fs::write(file, config::text(size, kind)).unwrap();
        }
        _ => println!("{HELP}"),
    }
}

/// Runs the parser over a text and forgets what it says.
fn events(text: &str) -> usize {
    granit_parser::Parser::new_from_str(text)
        .inspect(|event| assert!(black_box(event).is_ok()))
        .count()
}

fn tree(text: &str) -> usize {
    black_box(holdall::yaml::parse(text)).tree.len()
}

fn compiled(text: &str) -> usize {
    let mut sources = Sources::default();
    let id = sources.add(Source::new("config.yml", text));
    black_box(compile(&mut sources, id, &Inputs::default()))
        .problems
        .len()
}

fn checked(text: &str) -> usize {
    black_box(lint::check(
        Source::new("config.yml", text),
        lint::Options::default(),
    ))
    .report
    .findings
    .len()
}

/// What is measured: each holds the one before it.
type Pass = (&'static str, fn(&str) -> usize);
const PASSES: [Pass; 4] = [
    ("events", events),
    ("tree", tree),
    ("compile", compiled),
    ("lint", checked),
];

fn measure_all(rounds: usize) {
    println!(
        "{:<24}{:>9}  {:>9}  {:>16}  {:>16}  {:>16}  {:>9}",
        "median, ratio to events", "MB", "events", "tree", "compile", "lint", "findings"
    );
    if let Some(texts) = corpus() {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        measure("corpus", &texts, rounds);
    } else {
        println!("skipped: the corpus needs HOLDALL_SHARED to name a folder with corpus/configs");
    }
    for (name, kind, sizes) in [
        ("clean", Kind::Clean, &[1, 4, 16][..]),
        ("a fault in each job", Kind::Faulty, &[1, 4]),
        ("one workflow", Kind::OneWorkflow, &[1, 4]),
    ] {
        for size in sizes {
            let text = config::text(*size, kind);
            let jobs = config::JOBS * size;
            // Larger texts are steadier, and take longer.
            let rounds = (rounds / size).max(3);
            measure(&format!("{name}, {jobs} jobs"), &[&text], rounds);
        }
    }
}

/// Measures the passes in turns, and prints their medians and the medians of their ratios.
fn measure(name: &str, texts: &[&str], rounds: usize) {
    let mut times: [Vec<Duration>; PASSES.len()] = Default::default();
    let mut findings = 0;
    for _ in 0..rounds {
        for ((_, pass), times) in PASSES.iter().zip(&mut times) {
            let start = Instant::now();
            findings = texts.iter().map(|text| pass(text)).sum();
            times.push(start.elapsed());
        }
    }
    let seconds = |pass: usize| median(times[pass].iter().map(Duration::as_secs_f64));
    let ratio = |pass: usize| {
        let pairs = times[pass].iter().zip(&times[0]);
        median(pairs.map(|(t, events)| t.as_secs_f64() / events.as_secs_f64()))
    };
    let bytes: usize = texts.iter().map(|t| t.len()).sum();
    print!(
        "{name:<24}{:>9.3}  {:>6.1} ms",
        bytes as f64 / 1e6,
        seconds(0) * 1e3
    );
    for pass in 1..PASSES.len() {
        print!("  {:>7.1} ms {:>4.2}×", seconds(pass) * 1e3, ratio(pass));
    }
    println!("  {findings:>9}");
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the configs that nobody here wrote.
fn corpus() -> Option<Vec<String>> {
    let shared = std::env::var_os("HOLDALL_SHARED")?;
    let mut files: Vec<_> = std::fs::read_dir(Path::new(&shared).join("corpus/configs"))
        .ok()?
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yml"))
        .collect();
    files.sort();
    let text = |path| std::fs::read_to_string(path).unwrap();
    // A text that the parser refuses measures nothing.
    let parses =
        |text: &String| granit_parser::Parser::new_from_str(text).all(|event| event.is_ok());
    Some(files.iter().map(text).filter(parses).collect())
}
