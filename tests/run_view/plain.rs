//! The view for logs.

use holdall::cli::run_view::{Detail, Plain, Stop, Style, View as _};

use crate::fed::{inside, output, run_started, story};
use crate::snapshot;

const ASCII: Style = Style {
    color: false,
    unicode: false,
};

fn show(style: Style, detail: Detail) -> String {
    let (events, summary) = story();
    let mut out = Vec::new();
    let mut view = Plain::new(&mut out, style, detail);
    for event in &events {
        view.event(event).unwrap();
    }
    view.summary(&summary).unwrap();
    drop(view);
    String::from_utf8(out).unwrap()
}

#[test]
fn plain_lines() {
    snapshot!("run_view_plain", show(ASCII, Detail::All));
}

#[test]
fn signs_without_colors() {
    let style = Style {
        color: false,
        unicode: true,
    };
    snapshot!("run_view_unicode", show(style, Detail::All));
}

#[test]
fn colors() {
    let style = Style {
        color: true,
        unicode: true,
    };
    snapshot!("run_view_color", show(style, Detail::All));
}

#[test]
fn what_went_wrong_and_nothing_else() {
    snapshot!("run_view_quiet", show(ASCII, Detail::Failures));
    let mut out = Vec::new();
    let mut view = Plain::new(&mut out, ASCII, Detail::Failures);
    let (_, mut summary) = story();
    summary.jobs.truncate(1);
    summary.success = true;
    view.event(&run_started(&["build"])).unwrap();
    view.event(&inside(0, 0, output(b"text\n"))).unwrap();
    view.summary(&summary).unwrap();
    drop(view);
    assert_eq!(String::from_utf8_lossy(&out), "");
}

#[test]
fn each_line_belongs_to_one_job() {
    let shown = show(ASCII, Detail::All);
    let of = |name: &str| {
        let lines = shown.lines().filter(|line| {
            line.split_once(" |")
                .is_some_and(|(label, _)| label.trim_end() == name)
        });
        lines.count()
    };
    assert_eq!((of("test/0"), of("test/1")), (8, 6), "{shown}");
    assert!(shown.contains("test/0 | half of a line\n"));
}

#[test]
fn a_line_without_end_is_cut() {
    let mut out = Vec::new();
    let mut view = Plain::new(&mut out, ASCII, Detail::All);
    for _ in 0..100 {
        view.event(&inside(0, 0, output(&[b'x'; 10_000]))).unwrap();
    }
    drop(view);
    assert!(out.split(|&b| b == b'\n').all(|line| line.len() < 20_000));
    assert!(out.len() > 900_000);
}

#[test]
fn names_and_titles_obey_nobody() {
    let mut out = Vec::new();
    let mut view = Plain::new(&mut out, ASCII, Detail::All);
    view.event(&run_started(&["a\n\u{1b}[2Jb"])).unwrap();
    view.event(&inside(0, 0, output(b"\x1b]0;title\x07text\n")))
        .unwrap();
    view.stopping(Stop::Asked).unwrap();
    drop(view);
    let shown = String::from_utf8(out).unwrap();
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{7}'));
    assert_eq!(
        shown.lines().collect::<Vec<_>>(),
        [
            "workflow main (1 job)",
            "a[2Jb | text",
            "stopping: steps are asked to end; Ctrl-C again kills them",
        ]
    );
}
