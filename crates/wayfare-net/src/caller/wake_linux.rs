//! The bell that ends a `poll(2)` early: an eventfd, made when first needed.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::OnceLock;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd};

/// A descriptor that becomes readable when rung.
#[derive(Default)]
pub(super) struct Bell {
    descriptor: OnceLock<Option<OwnedFd>>,
}

impl Bell {
    pub(super) fn ring(&self) {
        if let Some(Some(descriptor)) = self.descriptor.get() {
            // A full counter is already readable, which is all that is wanted.
            let _ = rustix::io::write(descriptor, &1u64.to_ne_bytes());
        }
    }

    pub(super) fn silence(&self) {
        if let Some(Some(descriptor)) = self.descriptor.get() {
            // Nothing to read means that nobody rang yet; a late ring costs one extra round.
            let _ = rustix::io::read(descriptor, &mut [0u8; 8]);
        }
    }

    pub(super) fn poll_fd(&self) -> PollFd<'_> {
        let made = self
            .descriptor
            .get_or_init(|| eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok());
        match made {
            Some(descriptor) => PollFd::from_borrowed_fd(descriptor.as_fd(), PollFlags::IN),
            // Out of descriptors: standard error with no flags set is never "ready", so wake-ups
            // from other threads wait for the socket or the deadline instead.
            None => PollFd::from_borrowed_fd(rustix::stdio::stderr(), PollFlags::empty()),
        }
    }
}
