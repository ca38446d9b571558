//! HTTP/2 faults that concern the whole connection: GOAWAY, settings, windows, floods, cuts.

use std::time::Duration;

use super::Play;
use super::frames::{
    DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, Frame, INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS, NO_ERROR, PING, PUSH_PROMISE, field_block,
};
use super::streams::{SHORT, half};
use super::talk::{Talk, good};
use crate::faults::GOOD;

pub(super) fn go_away_below(talk: Talk, number: u64) -> Play {
    first_only(talk, number, |mut talk| {
        Box::pin(async move {
            let stream = talk.request().await?;
            talk.send(&[Frame::go_away(stream.saturating_sub(2), NO_ERROR)]).await?;
            talk.hang_up().await
        })
    })
}

pub(super) fn go_away_with_error(talk: Talk, number: u64) -> Play {
    first_only(talk, number, |mut talk| {
        Box::pin(async move {
            let stream = talk.request().await?;
            let last = stream.saturating_sub(2);
            talk.send(&[Frame::go_away(last, ENHANCE_YOUR_CALM)]).await?;
            talk.hang_up().await
        })
    })
}

pub(super) fn go_away_above(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        let stream = talk.request().await?;
        talk.send(&[Frame::go_away(stream, NO_ERROR)]).await?;
        talk.listen(SHORT).await?;
        talk.answer(stream).await?;
        talk.hang_up().await
    })
}

pub(super) fn go_away_twice(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        let stream = talk.request().await?;
        talk.send(&[Frame::go_away(0x7fff_ffff, NO_ERROR)]).await?;
        talk.listen(SHORT).await?;
        talk.send(&[Frame::go_away(stream, NO_ERROR)]).await?;
        talk.answer(stream).await?;
        talk.hang_up().await
    })
}

pub(super) fn close_before_head(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        talk.request().await?;
        talk.hang_up().await
    })
}

pub(super) fn fin_mid_body(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        let stream = talk.request().await?;
        talk.send(&half(stream)).await?;
        talk.hang_up().await
    })
}

pub(super) fn go_away_fin_mid_body(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        let stream = talk.request().await?;
        talk.send(&half(stream)).await?;
        talk.send(&[Frame::go_away(stream, NO_ERROR)]).await?;
        talk.hang_up().await
    })
}

/// Serves well: what is peculiar are the settings.
pub(super) fn serve(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move { talk.serve_on(Duration::from_millis(20)).await })
}

pub(super) fn streams_raised(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        talk.listen(SHORT * 4).await?;
        talk.send(&[Frame::settings(&[(MAX_CONCURRENT_STREAMS, 10)])]).await?;
        talk.serve_on(Duration::from_millis(20)).await
    })
}

pub(super) fn streams_lowered(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        let stream = talk.request().await?;
        talk.send(&[Frame::settings(&[(MAX_CONCURRENT_STREAMS, 1)])]).await?;
        talk.answer(stream).await?;
        talk.serve_on(Duration::from_millis(20)).await
    })
}

pub(super) fn window_lowered(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        talk.request_head().await?;
        talk.send(&[Frame::settings(&[(INITIAL_WINDOW_SIZE, 0)])]).await?;
        talk.listen(SHORT * 2).await?;
        talk.send(&[Frame::settings(&[(INITIAL_WINDOW_SIZE, 1 << 20)])]).await?;
        talk.serve_on(Duration::ZERO).await
    })
}

pub(super) fn window_overflow(talk: Talk, _: u64) -> Play {
    then_nothing(talk, |_| vec![Frame::window_update(0, 0x7fff_ffff)])
}

pub(super) fn window_by_zero(talk: Talk, _: u64) -> Play {
    then_nothing(talk, |_| vec![Frame::window_update(0, 0)])
}

pub(super) fn push(talk: Talk, _: u64) -> Play {
    then_nothing(talk, |stream| {
        let fields =
            [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/pushed")];
        let block = field_block(&fields);
        let payload = [&2_u32.to_be_bytes()[..], &block].concat();
        vec![Frame::new(PUSH_PROMISE, END_HEADERS, stream, payload)]
    })
}

pub(super) fn even_stream(talk: Talk, _: u64) -> Play {
    then_nothing(talk, |_| good(2).to_vec())
}

pub(super) fn idle_stream(talk: Talk, _: u64) -> Play {
    then_nothing(talk, |stream| good(stream + 100).to_vec())
}

pub(super) fn data_on_stream_0(talk: Talk, _: u64) -> Play {
    then_nothing(talk, |_| vec![Frame::new(DATA, END_STREAM, 0, GOOD)])
}

pub(super) fn frame_too_large(talk: Talk, _: u64) -> Play {
    then_nothing(talk, |stream| {
        let head = Frame::headers(stream, 0, &[(":status", "200")]);
        vec![head, Frame::data(stream, END_STREAM, vec![b'a'; (16 << 20) - 1])]
    })
}

pub(super) fn unknown_frames(mut talk: Talk, _: u64) -> Play {
    Box::pin(async move {
        loop {
            let stream = talk.request().await?;
            let odd: Vec<Frame> =
                (0x10..0x40).map(|kind| Frame::new(kind, 0xff, stream, "odd")).collect();
            talk.send(&odd).await?;
            talk.answer(stream).await?;
        }
    })
}

pub(super) fn ping_flood(talk: Talk, _: u64) -> Play {
    flooding(talk, Frame::new(PING, 0, 0, "12345678"))
}

pub(super) fn settings_flood(talk: Talk, _: u64) -> Play {
    flooding(talk, Frame::settings(&[]))
}

pub(super) fn unknown_flood(talk: Talk, _: u64) -> Play {
    flooding(talk, Frame::new(0xfa, 0, 0, ""))
}

pub(super) fn http1_answer(mut talk: Talk, _: u64) -> Play {
    // Behind the server's SETTINGS this is a frame of an absurd length.
    Box::pin(async move {
        talk.send_bytes(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await?;
        talk.hang_up().await
    })
}

fn flooding(mut talk: Talk, frame: Frame) -> Play {
    Box::pin(async move {
        talk.request().await?;
        talk.flood(&[frame]).await
    })
}

/// Sends what is wrong once a request is there, and then waits to be left.
fn then_nothing(mut talk: Talk, wrong: fn(u32) -> Vec<Frame>) -> Play {
    Box::pin(async move {
        let stream = talk.request().await?;
        talk.send(&wrong(stream)).await?;
        talk.listen(Duration::from_secs(3600)).await
    })
}

/// Misbehaves on the first connection and serves well on those after it.
fn first_only(mut talk: Talk, number: u64, run: fn(Talk) -> Play) -> Play {
    if number == 1 {
        run(talk)
    } else {
        Box::pin(async move { talk.serve_on(Duration::ZERO).await })
    }
}
