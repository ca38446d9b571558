//! The bell that ends a `poll(2)` early: an eventfd, made when first needed.

use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};

/// A descriptor that becomes readable when rung.
#[derive(Default)]
pub(super) struct Bell {
    descriptor: OnceLock<OwnedFd>,
}

impl Bell {
    /// Makes the descriptor, unless there is one or none can be had. Only the thread that is to
    /// be woken does this.
    pub(super) fn prepare(&self) {
        if self.descriptor.get().is_some() {
            return;
        }
        // A process that has no descriptor left may have one the next time.
        if let Ok(made) = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK) {
            self.descriptor.get_or_init(|| made);
        }
    }

    pub(super) fn ring(&self) {
        if let Some(descriptor) = self.descriptor.get() {
            // A full counter is already readable, which is all that is wanted.
            let _ = rustix::io::write(descriptor, &1u64.to_ne_bytes());
        }
    }

    pub(super) fn silence(&self) {
        if let Some(descriptor) = self.descriptor.get() {
            // Nothing to read means that nobody rang yet; a late ring costs one extra round.
            let _ = rustix::io::read(descriptor, &mut [0u8; 8]);
        }
    }

    /// What to watch for; nothing if there is no descriptor.
    pub(super) fn poll_fd(&self) -> Option<PollFd<'_>> {
        self.descriptor.get().map(|descriptor| PollFd::new(descriptor, PollFlags::IN))
    }
}
