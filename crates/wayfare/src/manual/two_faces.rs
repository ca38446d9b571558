//! Awaited and blocking, and where the I/O is done.
//!
//! [`Manager`](crate::Manager) is for code that awaits, [`Manager::blocking`](crate::Manager::blocking)
//! for threads that wait. Requests, options, replies and errors are the same types; both share the
//! queue.
//!
//! **Awaited**, inside a tokio runtime (with I/O and time enabled): everything happens in the task
//! that awaits; nothing is spawned for HTTP/1.1. Outside of tokio, in any executor, transfers run in a
//! runtime of Wayfare's own, started on first use. [`Request::start`](crate::Request::start) spawns.
//!
//! **Blocking**: everything happens on the calling thread, which sleeps in one `poll(2)` for its
//! sockets and deadlines. There is no runtime behind it. It works inside a runtime too, where it
//! blocks that thread as any blocking call does. Only looking up a name takes a second thread, so
//! that it can be given up in time.
//!
//! Connections belong to where they were opened (a runtime, or calling threads) and are reused only
//! there.
