//! The table of named HTTP/2 faults: what each does, and what a client should make of it.

use super::frames::{ENABLE_PUSH, INITIAL_WINDOW_SIZE, MAX_CONCURRENT_STREAMS, MAX_FRAME_SIZE};
use super::{H2Fault, Run, streams, whole};
use crate::faults::Outcome::{self, Choice, Deadline, Deliver, Error, Retry};

/// All HTTP/2 faults that have a name.
#[rustfmt::skip] // A table reads by its columns.
pub const H2_FAULTS: &[H2Fault] = &[
    fault("goaway-below", Retry, whole::go_away_below, "GOAWAY below the request's stream, then a close"),
    fault("goaway-with-error", Retry, whole::go_away_with_error, "the same with ENHANCE_YOUR_CALM"),
    fault("goaway-above", Deliver, whole::go_away_above, "GOAWAY that includes the request, then its answer"),
    fault("goaway-twice", Deliver, whole::go_away_twice, "GOAWAY with the highest id, then with the last, then the answer"),
    fault("refused-stream", Retry, streams::refused_stream, "REFUSED_STREAM for the first connection's first two streams"),
    fault("refused-forever", Error, streams::refused_forever, "REFUSED_STREAM for every stream"),
    fault("reset-before-head", Error, streams::reset_before_head, "RST_STREAM INTERNAL_ERROR in place of an answer"),
    fault("reset-cancel", Error, streams::reset_cancel, "RST_STREAM CANCEL in the middle of the body"),
    fault("reset-internal", Error, streams::reset_internal, "RST_STREAM INTERNAL_ERROR in the middle of the body"),
    fault("reset-no-error", Error, streams::reset_no_error, "RST_STREAM NO_ERROR in the middle of the body"),
    fault("early-answer", Deliver, streams::early_answer, "a whole answer before the body was read, then RST_STREAM NO_ERROR").asked_by("POST"),
    fault("close-before-head", Error, whole::close_before_head, "reads the request, then closes without GOAWAY"),
    fault("fin-mid-body", Error, whole::fin_mid_body, "closes in the middle of the body"),
    fault("goaway-fin-mid-body", Error, whole::go_away_fin_mid_body, "GOAWAY, then a close, in the middle of the body"),
    fault("length-too-long", Error, streams::length_too_long, "content-length 10, but 5 bytes"),
    fault("length-too-short", Error, streams::length_too_short, "content-length 3, but 5 bytes"),
    fault("no-status", Error, streams::no_status, "an answer without :status"),
    fault("upper-case-name", Error, streams::upper_case_name, "a field name with capital letters"),
    fault("connection-field", Error, streams::connection_field, "a Connection field"),
    fault("late-pseudo-field", Error, streams::late_pseudo_field, ":status behind another field"),
    fault("data-without-head", Error, streams::data_without_head, "DATA without HEADERS"),
    fault("field-bomb", Error, streams::field_bombs, "12,000 references to a field of 4 KB"),
    fault("few-interims", Deliver, streams::few_interims, "two times 103, then the answer"),
    fault("trailers", Deliver, streams::trailers, "an answer with a trailer"),
    fault("continuation", Deliver, streams::continuation, "a head in two frames"),
    fault("unknown-frames", Deliver, whole::unknown_frames, "frames of unknown types, then the answer"),
    fault("stall-head", Deadline, streams::stall_head, "never answers a request (but PINGs)"),
    fault("stall-body", Deadline, streams::stall_body, "half a body and no more (but answers PINGs)"),
    fault("ping-silent", Deadline, streams::ping_silent, "never answers anything, PINGs included"),
    fault("max-streams-1", Deliver, whole::serve, "one stream at a time").with_settings(&[(MAX_CONCURRENT_STREAMS, 1)]),
    fault("max-streams-raised", Deliver, whole::streams_raised, "no stream at all for 200 ms, then ten").with_settings(&[(MAX_CONCURRENT_STREAMS, 0)]),
    fault("max-streams-lowered", Deliver, whole::streams_lowered, "one stream at a time from the first answer on"),
    fault("window-never-opened", Deadline, streams::window_never_opened, "a window of 1000 bytes that is never opened again").asked_by("POST").with_settings(&[(INITIAL_WINDOW_SIZE, 1000)]),
    fault("window-lowered", Deliver, whole::window_lowered, "takes the window back during the body, gives it again after 100 ms").asked_by("POST"),
    fault("window-overflow", Error, whole::window_overflow, "WINDOW_UPDATE beyond 2^31 - 1"),
    fault("window-by-zero", Error, whole::window_by_zero, "WINDOW_UPDATE by 0"),
    fault("data-beyond-window", Choice, streams::data_beyond_window, "DATA without end and without regard to the client's window: an error once it is full"),
    fault("frame-size-0", Error, whole::serve, "SETTINGS with a largest frame of 0").with_settings(&[(MAX_FRAME_SIZE, 0)]),
    fault("enable-push-2", Error, whole::serve, "SETTINGS with ENABLE_PUSH 2").with_settings(&[(ENABLE_PUSH, 2)]),
    fault("push", Error, whole::push, "PUSH_PROMISE although the client never allowed it"),
    fault("even-stream", Error, whole::even_stream, "an answer on stream 2"),
    fault("idle-stream", Error, whole::idle_stream, "an answer on a stream that was never opened"),
    fault("data-on-stream-0", Error, whole::data_on_stream_0, "DATA on stream 0"),
    fault("frame-too-large", Error, whole::frame_too_large, "a frame of 16 MiB"),
    fault("http1-answer", Error, whole::http1_answer, "an HTTP/1.1 answer on the HTTP/2 connection"),
    fault("ping-flood", Choice, whole::ping_flood, "PING without end: an error or back-pressure until a deadline"),
    fault("settings-flood", Choice, whole::settings_flood, "SETTINGS without end: an error or back-pressure until a deadline"),
    fault("unknown-flood", Choice, whole::unknown_flood, "unknown frames without end: an error or back-pressure until a deadline"),
    fault("interim-flood", Error, streams::interim_flood, "102 after 102"),
    fault("empty-data-flood", Error, streams::empty_data_flood, "empty DATA frames without end"),
    fault("tiny-data-flood", Choice, streams::tiny_data_flood, "DATA of one byte each without end: an error or back-pressure until a deadline"),
    fault("continuation-flood", Error, streams::continuation_flood, "CONTINUATION without end"),
];

const fn fault(name: &'static str, outcome: Outcome, run: Run, what: &'static str) -> H2Fault {
    H2Fault { name, what, outcome, method: "GET", settings: &[], run }
}

impl H2Fault {
    const fn asked_by(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    const fn with_settings(mut self, settings: &'static [(u16, u32)]) -> Self {
        self.settings = settings;
        self
    }
}
