//! The view for a terminal, looked at through one.

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

use holdall::cli::run_view::{Live, Screen, Size, Stop, Style, View as _};
use holdall::plan::JobStatus;
use holdall::run::{Event, JobEvent, Skipped, Summary};

use crate::fed::{
    finished, inside, layer, output, report, run_started, step_finished, step_started, story,
    summary,
};
use crate::{cells, snapshot};

/// What a test and the view share.
struct Shared {
    size: Cell<Size>,
    now: Cell<Instant>,
    terminal: RefCell<vt100::Parser>,
    writes: Cell<usize>,
}

struct Glass(Rc<Shared>);

impl Screen for Glass {
    fn size(&self) -> Size {
        self.0.size.get()
    }

    fn now(&self) -> Instant {
        self.0.now.get()
    }
}

impl Write for Glass {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.writes.set(self.0.writes.get() + 1);
        // What a terminal in its usual mode makes of a line's end.
        let text = String::from_utf8_lossy(bytes);
        let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
        self.0.terminal.borrow_mut().process(text.as_bytes());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A view on a terminal, whose time goes on by hand.
struct Desk {
    shared: Rc<Shared>,
    view: Live<Glass>,
}

impl Desk {
    fn new(rows: usize, columns: usize) -> Self {
        let shared = Rc::new(Shared {
            size: Cell::new(Size { rows, columns }),
            now: Cell::new(Instant::now()),
            terminal: RefCell::new(vt100::Parser::new(cells(rows), cells(columns), 1000)),
            writes: Cell::new(0),
        });
        let style = Style {
            color: false,
            unicode: true,
        };
        let glass = || Glass(Rc::clone(&shared));
        let view = Live::new(glass(), style, Box::new(glass()));
        Self { shared, view }
    }

    /// Shows an event, a second after the last one.
    fn event(&mut self, event: &Event) {
        self.wait(Duration::from_secs(1));
        self.view.event(event).unwrap();
    }

    fn wait(&self, time: Duration) {
        self.shared.now.set(self.shared.now.get() + time);
    }

    fn resize(&self, rows: usize, columns: usize) {
        self.shared.size.set(Size { rows, columns });
        let mut terminal = self.shared.terminal.borrow_mut();
        terminal.screen_mut().set_size(cells(rows), cells(columns));
    }

    /// All that stands on the terminal, without empty lines at the end.
    fn screen(&self) -> String {
        let text = self.shared.terminal.borrow().screen().contents();
        format!("{}\n", text.trim_end())
    }

    /// All that was ever shown, what has scrolled away included.
    fn paper(&self) -> String {
        let mut terminal = self.shared.terminal.borrow_mut();
        let rows = usize::from(terminal.screen().size().0.get());
        terminal.screen_mut().set_scrollback(usize::MAX);
        let mut lines = Vec::new();
        let mut above = terminal.screen().scrollback();
        while above > 0 {
            terminal.screen_mut().set_scrollback(above);
            let text = terminal.screen().contents();
            let page: Vec<&str> = text.split('\n').collect();
            lines.extend(page.iter().take(above.min(rows)).map(|l| (*l).to_owned()));
            above = above.saturating_sub(rows);
        }
        terminal.screen_mut().set_scrollback(0);
        lines.push(terminal.screen().contents());
        format!("{}\n", lines.join("\n").trim_end())
    }

    fn cursor_is_visible(&self) -> bool {
        !self.shared.terminal.borrow().screen().hide_cursor()
    }

    fn end(self, summary: &Summary) -> Rc<Shared> {
        let Self { shared, mut view } = self;
        view.summary(summary).unwrap();
        shared
    }
}

/// Thirty jobs that run at the same time, with names and steps of all widths.
fn crowd(desk: &mut Desk) {
    let names: Vec<String> = (0..30)
        .map(|at| match at % 3 {
            0 => format!("job-{at}"),
            1 => format!("integration-tests-of-the-service-{at}"),
            _ => format!("构建-{at}"),
        })
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    desk.event(&run_started(&names));
    for job in 0..30 {
        desk.event(&Event::JobStarted { job, nodes: 1 });
        let title = match job % 2 {
            0 => "Install",
            _ => "Run all tests of the service against a database, twice",
        };
        desk.event(&inside(job, 0, step_started(title, "x")));
        if job % 5 == 0 {
            let progress = JobEvent::Progress {
                bytes: 123 << 20,
                entries: 4567,
            };
            desk.event(&inside(job, 0, progress));
        }
    }
    desk.event(&Event::Tick);
}

#[test]
fn a_run_from_its_beginning_to_its_end() {
    let (events, summary) = story();
    let mut desk = Desk::new(24, 80);
    let mut seen = String::new();
    for (at, event) in events.iter().enumerate() {
        desk.event(event);
        if [6, 15, 20].contains(&at) {
            seen.push_str(&format!("after {} events:\n{}\n", at + 1, desk.screen()));
        }
    }
    seen.push_str(&format!("before the end:\n{}\n", desk.paper()));
    let shared = desk.end(&summary);
    let end = shared.terminal.borrow().screen().contents();
    seen.push_str(&format!("the last screen:\n{}\n", end.trim_end()));
    snapshot!("run_view_live", seen);
}

#[test]
fn thirty_jobs_fit_ten_rows_of_eighty_columns() {
    let mut desk = Desk::new(10, 80);
    crowd(&mut desk);
    snapshot!("run_view_live_80x10", desk.screen());
}

#[test]
fn thirty_jobs_fit_ten_rows_of_forty_columns() {
    let mut desk = Desk::new(10, 40);
    crowd(&mut desk);
    snapshot!("run_view_live_40x10", desk.screen());
}

#[test]
fn what_has_ended_scrolls_away_once_and_whole() {
    let mut desk = Desk::new(10, 80);
    crowd(&mut desk);
    for job in 0..30 {
        let name = format!("job-{job}");
        desk.event(&finished(job, report(&name, JobStatus::Success, vec![])));
    }
    let paper = desk.paper();
    let ended: Vec<&str> = paper.lines().filter(|l| l.starts_with("✓ ")).collect();
    assert_eq!(ended.len(), 30, "{paper}");
    assert_eq!(paper.matches("job-0 ").count(), 1, "{paper}");
    assert_eq!(paper.matches("30 done").count(), 1, "{paper}");
    // A title, 30 jobs, a line that counts.
    assert_eq!(paper.lines().count(), 32, "{paper}");
}

#[test]
fn a_flood_is_drawn_ten_times_a_second_at_most() {
    let mut desk = Desk::new(24, 80);
    desk.event(&run_started(&["flood"]));
    desk.event(&Event::JobStarted { job: 0, nodes: 1 });
    desk.event(&inside(0, 0, step_started("Flood", "yes")));
    let before = desk.shared.writes.get();
    // 100,000 lines in two seconds.
    for _ in 0..2000 {
        desk.wait(Duration::from_millis(1));
        let event = inside(0, 0, output(&b"y\x1b[2J\x1b[31m\r\n".repeat(50)));
        desk.view.event(&event).unwrap();
    }
    assert!(desk.shared.writes.get() - before <= 20);
    assert_eq!(
        desk.screen(),
        "workflow main (1 job)\n  flood      3s  Flood (2s)\n4s  1 running, 0 done\n"
    );
    // Its end is shown as soon as it fails.
    desk.event(&inside(
        0,
        0,
        step_finished("Flood", Some("exited with code 1")),
    ));
    let shown = desk.screen();
    assert_eq!(shown.lines().filter(|line| *line == "  y").count(), 20);
}

#[test]
fn nothing_is_written_while_nothing_changes() {
    let mut desk = Desk::new(24, 80);
    desk.event(&run_started(&["a"]));
    desk.event(&Event::JobStarted { job: 0, nodes: 1 });
    let before = desk.shared.writes.get();
    for _ in 0..10 {
        desk.view.event(&Event::Tick).unwrap();
    }
    assert_eq!(desk.shared.writes.get(), before);
    // A second later the clock has changed: one write, the cursor visible after it.
    desk.event(&Event::Tick);
    assert_eq!(desk.shared.writes.get(), before + 1);
    assert!(desk.cursor_is_visible());
}

#[test]
fn a_terminal_may_change_its_size() {
    let mut desk = Desk::new(24, 80);
    crowd(&mut desk);
    for (rows, columns) in [
        (10, 40),
        (30, 100),
        (5, 20),
        (24, 80),
        (1, 10),
        (2, 2),
        (24, 80),
    ] {
        desk.resize(rows, columns);
        desk.event(&Event::Tick);
        let shown = desk.screen();
        let counts = shown.lines().filter(|l| l.contains("30 running")).count();
        assert!(counts == 1 || columns < 20, "{rows}x{columns}\n{shown}");
        let last = shown.lines().last().unwrap();
        assert!(last.chars().count() < columns.max(2), "{last}");
    }
}

#[test]
fn a_question_has_the_terminal_for_itself() {
    let mut desk = Desk::new(24, 80);
    desk.event(&run_started(&["hold", "slow", "quick"]));
    desk.event(&Event::JobStarted { job: 1, nodes: 1 });
    desk.event(&Event::JobStarted { job: 2, nodes: 1 });
    desk.event(&Event::Asking { job: 0 });
    // The question, and what is typed.
    let question = "approve `hold`? [y/N] ";
    write!(Glass(Rc::clone(&desk.shared)), "{question}").unwrap();
    let asked = desk.screen();
    assert_eq!(
        asked,
        format!("workflow main (3 jobs)\n{}\n", question.trim_end())
    );
    desk.event(&Event::Tick);
    let quick = report("quick", JobStatus::Success, vec![layer()]);
    desk.event(&finished(2, quick));
    assert_eq!(desk.screen(), asked);
    writeln!(Glass(Rc::clone(&desk.shared)), "y").unwrap();
    desk.event(&Event::Answered { job: 0, yes: true });
    let mut hold = report("hold", JobStatus::Success, vec![]);
    hold.duration = Duration::ZERO;
    desk.event(&finished(0, hold));
    snapshot!("run_view_live_question", desk.screen());
}

#[test]
fn a_run_that_is_stopped_says_so_at_once() {
    let mut desk = Desk::new(24, 80);
    desk.event(&run_started(&["a", "b"]));
    desk.event(&Event::JobStarted { job: 0, nodes: 1 });
    desk.event(&inside(0, 0, step_started("Sleep", "sleep 100")));
    desk.view.stopping(Stop::Asked).unwrap();
    let mut seen = format!("once:\n{}", desk.screen());
    desk.view.stopping(Stop::Killed).unwrap();
    seen.push_str(&format!("twice:\n{}", desk.screen()));
    desk.event(&Event::JobSkipped {
        job: 1,
        why: Skipped::Canceled,
    });
    let mut a = report("a", JobStatus::Canceled, vec![]);
    a.stopped_by = None;
    desk.event(&finished(0, a.clone()));
    let mut summary = summary(vec![a, report("b", JobStatus::NotRun, vec![])]);
    summary.jobs[1].stopped_by = None;
    summary.canceled = true;
    let shared = desk.end(&summary);
    let end = shared.terminal.borrow().screen().contents();
    seen.push_str(&format!("the end:\n{}\n", end.trim_end()));
    snapshot!("run_view_live_stopped", seen);
}

#[test]
fn a_view_that_is_dropped_leaves_nothing_behind() {
    let mut desk = Desk::new(24, 80);
    desk.event(&run_started(&["a"]));
    desk.event(&Event::JobStarted { job: 0, nodes: 1 });
    let Desk { shared, view } = desk;
    drop(view);
    let terminal = shared.terminal.borrow();
    assert_eq!(
        terminal.screen().contents().trim_end(),
        "workflow main (1 job)"
    );
    assert_eq!(terminal.screen().cursor_position(), (1, 0));
}
