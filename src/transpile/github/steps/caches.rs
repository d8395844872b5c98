//! The steps that save and restore caches.

use super::{Current, Writer};
use crate::plan::{RestoreCacheStep, RunWhen, SaveCacheStep};
use crate::transpile::github::actions::{CACHE_RESTORE, CACHE_SAVE};
use crate::transpile::github::cache::{self, Key};
use crate::transpile::github::expr::Bool;
use crate::transpile::github::prepare;
use crate::transpile::github::write::Block;
use crate::transpile::values::Script;
use crate::yaml::Data;

/// How GitHub's caches differ from CircleCI's, which belong to the whole project for 15 days.
const SCOPE: &str = "GitHub finds caches of the same branch and of the default branch only, and drops them after 7 days without use or above 10 GB a repository";

impl Writer<'_> {
    pub(super) fn save(&mut self, current: &Current<'_>, save: &SaveCacheStep) {
        for key in ["save_cache", "key", "paths", "run when"] {
            self.ledger.converted(current.node, key);
        }
        let mut block = self.titled(current, "Save cache");
        self.lost(current, &mut block);
        let when = current.when(save.when);
        let (keys, differs) = self.keys(current, &[&save.key.value], when.clone());
        if let Some(why) = differs {
            self.ledger.approximated(current.node, "key", why);
            block.note(format!("Differs: {why}."));
        }
        block.put("uses", CACHE_SAVE.uses);
        let with = vec![
            ("path".to_owned(), self.paths(save)),
            ("key".to_owned(), keys.concat().into()),
        ];
        block.put("with", Data::Map(with));
        self.put(current, block, Script::default(), when);
    }

    pub(super) fn restore(&mut self, current: &Current<'_>, restore: &RestoreCacheStep) {
        let mut block = self.titled(current, "Restore cache");
        let keys: Vec<&str> = restore.keys.iter().map(|k| k.value.as_str()).collect();
        let Some((save, others)) = cache::paths(self.context.pipeline, &keys) else {
            let what = "no step of the config saves a cache under such a key: GitHub has to know the paths; add them";
            self.ledger.manual(current.node, "restore_cache", what);
            self.ledger.manual(current.node, "keys", what);
            block.note(format!("To do: {what}."));
            block.put("run", "true");
            self.put(current, block, Script::default(), current.on_success());
            return;
        };
        self.lost(current, &mut block);
        self.ledger
            .approximated(current.node, "restore_cache", SCOPE);
        self.context.differs_once(SCOPE);
        self.ledger.converted(current.node, "keys");
        let when = current.on_success();
        let (texts, differs) = self.keys(current, &keys, when.clone());
        if let Some(why) = differs {
            self.ledger.approximated(current.node, "keys", why);
            block.note(format!("Differs: {why}."));
        }
        if others {
            let why = "caches with other paths begin with the same key: only those with these paths are found";
            self.ledger.approximated(current.node, "restore_cache", why);
            block.note(format!("Differs: {why}."));
        }
        block.put("uses", CACHE_RESTORE.uses);
        // At CircleCI every key is the beginning of one.
        let all: String = texts.iter().map(|t| format!("{t}\n")).collect();
        let with = vec![
            ("path".to_owned(), self.paths(save)),
            (
                "key".to_owned(),
                texts.first().cloned().unwrap_or_default().into(),
            ),
            ("restore-keys".to_owned(), all.into()),
        ];
        block.put("with", Data::Map(with));
        self.put(current, block, Script::default(), when);
    }

    /// Says of caches that hold nothing what is to be done.
    fn lost(&mut self, current: &Current<'_>, block: &mut Block) {
        if prepare::loses_caches(self.job()) {
            let what = "the job's layers hold its working directory, which GitHub's caches cannot be kept beside: attach and persist below it, or move the caches into another job";
            self.ledger.manual(current.node, current.own(), what);
            block.note(format!("To do: {what}."));
        }
    }

    fn paths(&self, save: &SaveCacheStep) -> Data {
        let paths = save.paths.iter().map(|p| self.context.located(p));
        paths.collect::<Vec<_>>().join("\n").into()
    }

    /// Writes the step that computes keys, where one has to, and returns the keys as texts, with
    /// what is not the same in them.
    fn keys(
        &mut self,
        current: &Current<'_>,
        keys: &[&str],
        when: (RunWhen, Bool),
    ) -> (Vec<String>, Option<&'static str>) {
        let mut differs = None;
        let mut made = Vec::new();
        for key in keys {
            let (key, why) = cache::key(key, self.context);
            differs = differs.or(why);
            made.push(key);
        }
        let computed: Vec<&Script> = made
            .iter()
            .filter_map(|k| match k {
                Key::Shell(script) => Some(script),
                Key::Text(_) => None,
            })
            .collect();
        let mut id = String::new();
        if !computed.is_empty() {
            self.keys += 1;
            id = format!("key-{}", self.keys);
            let script = Script {
                text: cache::key_script(&computed),
                values: computed.iter().flat_map(|s| s.values.clone()).collect(),
                ..Script::default()
            };
            let mut block = Block::default();
            block
                .put("name", "Compute the key of the cache")
                .put("id", id.as_str())
                .put("shell", "sh");
            self.put(current, block, script, when);
        }
        let mut n = 0;
        let texts = made.into_iter().map(|key| match key {
            Key::Text(text) => text,
            Key::Shell(_) => {
                n += 1;
                format!("${{{{ steps.{id}.outputs.key{} }}}}", n - 1)
            }
        });
        (texts.collect(), differs)
    }
}
