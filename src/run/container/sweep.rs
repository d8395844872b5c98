//! Who owns a container, and the removal of those whose owner was killed.

use std::fs;

use super::client::{Client, Said};

/// The label that says which process a container belongs to.
const OWNER: &str = "holdall.owner";
/// The label that says which run a container belongs to.
const RUN: &str = "holdall.run";

/// One process of one machine, so that no other is taken for it: its number may pass to another,
/// and the engine may serve several machines or containers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owner {
    /// Since when the machine runs, and in which PID namespace the number counts.
    place: String,
    pid: u32,
    /// When the process started, in ticks since the machine did.
    started: u64,
}

impl Owner {
    fn own() -> Option<Self> {
        let pid = std::process::id();
        Some(Self {
            place: place()?,
            pid,
            started: started(pid)?,
        })
    }

    fn text(&self) -> String {
        format!("{}/{}/{}", self.place, self.pid, self.started)
    }

    fn parse(text: &str) -> Option<Self> {
        let (rest, started) = text.rsplit_once('/')?;
        let (place, pid) = rest.rsplit_once('/')?;
        Some(Self {
            place: place.to_owned(),
            pid: pid.parse().ok()?,
            started: started.parse().ok()?,
        })
    }

    /// Says whether the process lived here and does no longer.
    fn is_gone(&self) -> bool {
        place().as_deref() == Some(&self.place) && started(self.pid) != Some(self.started)
    }
}

fn place() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    let space = space.to_string_lossy();
    let number: String = space.chars().filter(char::is_ascii_digit).collect();
    Some(format!("{}/{number}", boot.trim()))
}

/// Returns when a process started; nothing where there is none, or only what is left of one.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?;
    let started = fields.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(started)
}

/// Returns the labels of every container of a run.
pub(super) fn labels(run: &str) -> Vec<String> {
    let mut labels = vec![format!("--label={RUN}={run}")];
    if let Some(owner) = Owner::own() {
        labels.push(format!("--label={OWNER}={}", owner.text()));
    }
    labels
}

/// Removes the containers of runners that are gone: services first, or as often as it takes,
/// because an engine keeps a container whose network another one uses.
pub(super) fn sweep(client: &Client) {
    for _ in 0..2 {
        let ids = orphans(client);
        if ids.is_empty() {
            return;
        }
        client.remove(&ids);
    }
}

/// Lists the containers of a run, the latest first: services before those whose network they use.
pub(super) fn of_run(client: &Client, run: &str) -> Vec<String> {
    labeled(client, &format!("{RUN}={run}"))
}

fn labeled(client: &Client, label: &str) -> Vec<String> {
    let filter = format!("label={label}");
    let list = ["ps", "--all", "--quiet", "--no-trunc", "--filter", &filter];
    let Ok(Said::Done(ids)) = client.ask(list) else {
        return Vec::new();
    };
    let ids = ids.lines().map(str::trim).filter(|id| !id.is_empty());
    ids.map(str::to_owned).collect()
}

fn orphans(client: &Client) -> Vec<String> {
    let mut ids = labeled(client, OWNER);
    let is_orphan = |id: &String| {
        let format = format!("{{{{index .Config.Labels \"{OWNER}\"}}}}");
        // One by one: a container that goes meanwhile would spoil the answer for all.
        match client.ask(["inspect", "--format", &format, id]) {
            Ok(Said::Done(owner)) => Owner::parse(owner.trim()).is_some_and(|o| o.is_gone()),
            _ => false,
        }
    };
    ids.retain(is_orphan);
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_processes_of_this_place_can_be_gone() {
        let own = Owner::own().unwrap();
        assert_eq!(Owner::parse(&own.text()), Some(own.clone()));
        assert!(!own.is_gone());
        let later = Owner {
            started: own.started + 1,
            ..own.clone()
        };
        assert!(later.is_gone());
        let elsewhere = Owner {
            place: "another".to_owned(),
            ..later
        };
        assert!(!elsewhere.is_gone());
        assert_eq!(Owner::parse("nonsense"), None);
    }
}
