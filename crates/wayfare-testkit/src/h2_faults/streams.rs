//! HTTP/2 faults that concern one stream: resets, cuts, malformed and mismatched answers.

use std::time::Duration;

use super::Play;
use super::frames::{
    CANCEL, CONTINUATION, END_HEADERS, END_STREAM, Frame, HEADERS, INTERNAL_ERROR, NO_ERROR,
    REFUSED_STREAM, field_bomb,
};
use super::talk::{Pings, Talk, Windows, good};
use crate::faults::GOOD;

pub(super) fn refused_stream(mut talk: Talk, number: u64) -> Play {
    Box::pin(async move {
        for _ in 0..if number == 1 { 2 } else { 0 } {
            let stream = talk.request().await?;
            talk.send(&[Frame::reset(stream, REFUSED_STREAM)]).await?;
        }
        talk.serve_on(Duration::ZERO).await
    })
}

pub(super) fn refused_forever(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        loop {
            let stream = talk.request().await?;
            talk.send(&[Frame::reset(stream, REFUSED_STREAM)]).await?;
        }
    })
}

pub(super) fn reset_cancel(talk: Talk, _: u64) -> Play {
    reset_mid_body(talk, CANCEL)
}

pub(super) fn reset_internal(talk: Talk, _: u64) -> Play {
    reset_mid_body(talk, INTERNAL_ERROR)
}

pub(super) fn reset_no_error(talk: Talk, _: u64) -> Play {
    reset_mid_body(talk, NO_ERROR)
}

fn reset_mid_body(mut talk: Talk, code: u32) -> Play {
    Box::pin(async move {
        loop {
            let stream = talk.request().await?;
            talk.send(&half(stream)).await?;
            talk.listen(SHORT).await?;
            talk.send(&[Frame::reset(stream, code)]).await?;
        }
    })
}

pub(super) fn reset_before_head(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        loop {
            let stream = talk.request().await?;
            talk.send(&[Frame::reset(stream, INTERNAL_ERROR)]).await?;
        }
    })
}

/// RFC 9113 §8.1: a whole answer before the whole request, then a reset without error.
pub(super) fn early_answer(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        loop {
            let stream = talk.request_head().await?;
            talk.answer(stream).await?;
            talk.send(&[Frame::reset(stream, NO_ERROR)]).await?;
        }
    })
}

pub(super) fn length_too_long(talk: Talk, _: u64) -> Play {
    answering(talk, |stream| {
        vec![
            Frame::headers(stream, 0, &[(":status", "200"), ("content-length", "10")]),
            Frame::data(stream, END_STREAM, GOOD),
        ]
    })
}

pub(super) fn length_too_short(talk: Talk, _: u64) -> Play {
    answering(talk, |stream| {
        vec![
            Frame::headers(stream, 0, &[(":status", "200"), ("content-length", "3")]),
            Frame::data(stream, END_STREAM, GOOD),
        ]
    })
}

pub(super) fn no_status(talk: Talk, _: u64) -> Play {
    answering(talk, |stream| vec![Frame::headers(stream, END_STREAM, &[("x-a", "b")])])
}

pub(super) fn upper_case_name(talk: Talk, _: u64) -> Play {
    answering(talk, |stream| {
        vec![Frame::headers(stream, END_STREAM, &[(":status", "200"), ("X-Upper", "a")])]
    })
}

pub(super) fn connection_field(talk: Talk, _: u64) -> Play {
    answering(talk, |stream| {
        let fields = [(":status", "200"), ("connection", "keep-alive")];
        vec![Frame::headers(stream, 0, &fields), Frame::data(stream, END_STREAM, GOOD)]
    })
}

pub(super) fn late_pseudo_field(talk: Talk, _: u64) -> Play {
    answering(talk, |stream| {
        vec![Frame::headers(stream, END_STREAM, &[("x-a", "b"), (":status", "200")])]
    })
}

pub(super) fn data_without_head(talk: Talk, _: u64) -> Play {
    answering(talk, |stream| vec![Frame::data(stream, END_STREAM, GOOD)])
}

pub(super) fn few_interims(talk: Talk, _: u64) -> Play {
    answering(talk, |stream| {
        let interim = Frame::headers(stream, 0, &[(":status", "103"), ("link", "</a>")]);
        [&[interim.clone(), interim][..], &good(stream)[..]].concat()
    })
}

pub(super) fn trailers(talk: Talk, _: u64) -> Play {
    answering(talk, |stream| {
        vec![
            Frame::headers(stream, 0, &[(":status", "200")]),
            Frame::data(stream, 0, GOOD),
            Frame::headers(stream, END_STREAM, &[("x-check", "a")]),
        ]
    })
}

pub(super) fn continuation(talk: Talk, _: u64) -> Play {
    answering(talk, |stream| {
        let [head, body] = good(stream);
        let (first, second) = (head.payload.slice(..4), head.payload.slice(4..));
        vec![
            Frame::new(HEADERS, 0, stream, first),
            Frame::new(CONTINUATION, END_HEADERS, stream, second),
            body,
        ]
    })
}

pub(super) fn field_bombs(talk: Talk, _: u64) -> Play {
    answering(talk, |stream| {
        let block = field_bomb(&"a".repeat(4000), 12_000);
        vec![Frame::new(HEADERS, END_HEADERS | END_STREAM, stream, block)]
    })
}

pub(super) fn stall_head(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move { talk.listen(FOREVER).await })
}

pub(super) fn stall_body(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        let stream = talk.request().await?;
        talk.send(&half(stream)).await?;
        talk.listen(FOREVER).await
    })
}

pub(super) fn ping_silent(mut talk: Talk, _: u64) -> Play {
    talk.pings = Pings::Ignored;
    Box::pin(async move { talk.listen(FOREVER).await })
}

pub(super) fn window_never_opened(mut talk: Talk, _: u64) -> Play {
    talk.windows = Windows::Shut;
    Box::pin(async move { talk.serve_on(Duration::ZERO).await })
}

pub(super) fn interim_flood(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        let stream = talk.request().await?;
        talk.flood(&[Frame::headers(stream, 0, &[(":status", "102")])]).await
    })
}

pub(super) fn empty_data_flood(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        let stream = talk.request().await?;
        talk.send(&[Frame::headers(stream, 0, &[(":status", "200")])]).await?;
        talk.flood(&[Frame::data(stream, 0, "")]).await
    })
}

pub(super) fn tiny_data_flood(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        let stream = talk.request().await?;
        talk.send(&[Frame::headers(stream, 0, &[(":status", "200")])]).await?;
        talk.flood(&[Frame::data(stream, 0, "a")]).await
    })
}

pub(super) fn continuation_flood(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        let stream = talk.request().await?;
        let [head, _] = good(stream);
        talk.send(&[Frame::new(HEADERS, 0, stream, head.payload)]).await?;
        let more = super::frames::field_block(&[("x-a", &"b".repeat(1000))]);
        talk.flood(&[Frame::new(CONTINUATION, 0, stream, more)]).await
    })
}

pub(super) fn data_beyond_window(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        let stream = talk.request().await?;
        talk.send(&[Frame::headers(stream, 0, &[(":status", "200")])]).await?;
        talk.flood(&[Frame::data(stream, 0, vec![b'a'; 16_000])]).await
    })
}

/// Answers every request in the same wrong (or peculiar) way.
fn answering(mut talk: Talk, answer: fn(u32) -> Vec<Frame>) -> Play {
    Box::pin(async move {
        loop {
            let stream = talk.request().await?;
            talk.send(&answer(stream)).await?;
            talk.hear().open -= 1;
        }
    })
}

/// A head that promises ten bytes, and five of them.
pub(super) fn half(stream: u32) -> [Frame; 2] {
    let fields = [(":status", "200"), ("content-length", "10")];
    [Frame::headers(stream, 0, &fields), Frame::data(stream, 0, GOOD)]
}

pub(super) const SHORT: Duration = Duration::from_millis(50);
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);
