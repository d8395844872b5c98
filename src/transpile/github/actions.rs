//! The actions that workflows use, each at one commit: a tag could be moved.

/// An action at a commit.
pub(super) struct Action {
    /// What `uses:` says.
    pub(super) uses: &'static str,
    /// The version that the commit is, for people.
    version: &'static str,
}

pub(super) const CHECKOUT: Action = Action {
    uses: "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1",
    version: "v7.0.1",
};
pub(super) const UPLOAD: Action = Action {
    uses: "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f",
    version: "v7.0.0",
};
pub(super) const DOWNLOAD: Action = Action {
    uses: "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c",
    version: "v8.0.1",
};
pub(super) const CACHE_SAVE: Action = Action {
    uses: "actions/cache/save@27d5ce7f107fe9357f9df03efb73ab90386fccae",
    version: "v5.0.5",
};
pub(super) const CACHE_RESTORE: Action = Action {
    uses: "actions/cache/restore@27d5ce7f107fe9357f9df03efb73ab90386fccae",
    version: "v5.0.5",
};
pub(super) const SSH_AGENT: Action = Action {
    uses: "webfactory/ssh-agent@a6f90b1f127823b31d4d4a8d96047790581349bd",
    version: "v0.9.1",
};
pub(super) const XCODE: Action = Action {
    uses: "maxim-lobanov/setup-xcode@60606e260d2fc5762a71e64e74b2174e8ea3c8bd",
    version: "v1.6.0",
};

const ALL: [&Action; 7] = [
    &CHECKOUT,
    &UPLOAD,
    &DOWNLOAD,
    &CACHE_SAVE,
    &CACHE_RESTORE,
    &SSH_AGENT,
    &XCODE,
];

/// Returns the version of what a `uses:` names.
pub(super) fn version(uses: &str) -> Option<&'static str> {
    ALL.iter().find(|a| a.uses == uses).map(|a| a.version)
}
