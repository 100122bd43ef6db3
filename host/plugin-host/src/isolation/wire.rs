//! The messages between the server and a validator's own process: frames of a four-byte length
//! (big endian) and that many bytes of JSON, over a Unix socket.
//!
//! Both ends are the same binary, so there is nothing to negotiate. Buffers are wiped: they hold
//! tokens.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, IoSliceMut, Read, Write},
    mem::MaybeUninit,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::net::UnixStream,
    },
    path::PathBuf,
    time::Duration,
};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use super::sandbox::{Level, Policy};
use crate::{
    Sha256Digest,
    boundary::{
        Accepted, Answer, Failure, FailureKind, description::Description, plugin_log,
        sealed::Symbols,
    },
};

/// The largest message.
pub(super) const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// From the server.
#[derive(Serialize, Deserialize)]
pub(super) enum ToChild {
    /// Load the library whose content came before, within this memory limit.
    Load {
        path: PathBuf,
        sha256: Sha256Digest,
        symbols: Symbols,
        level: u32,
        memory: Option<u64>,
        sandbox: Policy,
    },
    /// Make a validator; `call` is its number from now on.
    Create {
        call: u64,
        id: String,
        factory: String,
        config: Zeroizing<String>,
    },
    /// Check this token with this validator.
    Ask {
        call: u64,
        validator: u64,
        token: Zeroizing<String>,
        request_id: String,
        deadline_ms: u64,
    },
    /// The answer is no longer needed.
    Cancel { call: u64 },
    /// Report whether the validator could answer now.
    Health { call: u64, validator: u64 },
    /// Revoke and flush.
    Shutdown { call: u64, validator: u64 },
    /// Answer from the threads that run the plugin.
    Ping,
}

/// From the validator's process.
#[derive(Serialize, Deserialize)]
pub(super) enum FromChild {
    Loaded {
        description: Description,
        sandbox: Level,
    },
    /// Loading failed.
    Unloadable(String),
    Created {
        call: u64,
    },
    Refused {
        call: u64,
        failure: WireFailure,
    },
    /// All threads are busy: the plugin has not seen this call yet.
    Queued {
        call: u64,
    },
    /// The plugin has seen a call that was queued.
    Begun {
        call: u64,
    },
    Answer {
        call: u64,
        answer: WireAnswer,
    },
    Health {
        call: u64,
        problem: Option<WireFailure>,
    },
    ShutDown {
        call: u64,
    },
    Pong,
    Log(WireRecord),
}

/// [`plugin_log::Record`] on the wire.
#[derive(Serialize, Deserialize)]
pub(super) struct WireRecord {
    plugin: String,
    request_id: String,
    level: u32,
    target: String,
    message: String,
    fields: String,
}

impl From<plugin_log::Record<'_>> for WireRecord {
    fn from(record: plugin_log::Record<'_>) -> Self {
        Self {
            plugin: record.plugin.to_owned(),
            request_id: record.request_id.to_owned(),
            level: plugin_log::number(record.level),
            target: record.target.to_owned(),
            message: record.message.to_owned(),
            fields: record.fields.to_owned(),
        }
    }
}

impl WireRecord {
    /// Writes it to the log of this process.
    pub(super) fn write(&self) {
        plugin_log::write(plugin_log::Record {
            plugin: &self.plugin,
            request_id: &self.request_id,
            level: plugin_log::level(self.level),
            target: &self.target,
            message: &self.message,
            fields: &self.fields,
        });
    }
}

/// [`Answer`] on the wire.
#[derive(Serialize, Deserialize)]
pub(super) enum WireAnswer {
    Accepted {
        subject: String,
        scopes: Vec<String>,
        expires_at: Option<u64>,
        cache_ttl_s: Option<u64>,
        resolved_token: Option<Zeroizing<String>>,
        claims_json: String,
        ext_json: String,
    },
    Failed(WireFailure),
    Nonsense(String),
}

/// [`Failure`] on the wire.
#[derive(Serialize, Deserialize)]
pub(super) struct WireFailure {
    kind: u32,
    retry_after_ms: Option<u64>,
    oauth_error: String,
    log_detail: String,
    ext_json: String,
}

impl From<Answer> for WireAnswer {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Accepted(accepted) => Self::Accepted {
                subject: accepted.subject,
                scopes: accepted.scopes,
                expires_at: accepted.expires_at,
                cache_ttl_s: accepted.cache_ttl_s,
                resolved_token: accepted
                    .resolved_token
                    .map(|token| Zeroizing::new(token.expose_secret().to_owned())),
                claims_json: accepted.claims_json,
                ext_json: accepted.ext_json,
            },
            Answer::Failed(failure) => Self::Failed(failure.into()),
            Answer::Nonsense(what) => Self::Nonsense(what.into_owned()),
        }
    }
}

impl From<WireAnswer> for Answer {
    fn from(answer: WireAnswer) -> Self {
        match answer {
            WireAnswer::Accepted {
                subject,
                scopes,
                expires_at,
                cache_ttl_s,
                resolved_token,
                claims_json,
                ext_json,
            } => Self::Accepted(Accepted {
                subject,
                scopes,
                expires_at,
                cache_ttl_s,
                resolved_token: resolved_token.map(|token| SecretString::from(token.as_str())),
                claims_json,
                ext_json,
            }),
            WireAnswer::Failed(failure) => Self::Failed(failure.into()),
            WireAnswer::Nonsense(what) => Self::Nonsense(what.into()),
        }
    }
}

impl From<Failure> for WireFailure {
    fn from(failure: Failure) -> Self {
        Self {
            kind: failure.kind.number(),
            retry_after_ms: failure
                .retry_after
                .map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX)),
            oauth_error: failure.oauth_error,
            log_detail: failure.log_detail,
            ext_json: failure.ext_json,
        }
    }
}

impl From<WireFailure> for Failure {
    fn from(failure: WireFailure) -> Self {
        Self {
            kind: FailureKind::of(failure.kind),
            retry_after: failure.retry_after_ms.map(Duration::from_millis),
            oauth_error: failure.oauth_error,
            log_detail: failure.log_detail,
            ext_json: failure.ext_json,
        }
    }
}

/// Sends one message.
pub(super) fn send(stream: &mut (impl Write + ?Sized), message: &impl Serialize) -> io::Result<()> {
    // Space for the length, so that the frame is one write.
    let mut frame = Zeroizing::new(vec![0; 4]);
    serde_json::to_writer(&mut *frame, message)?;
    let len = frame.len() - 4;
    if len > MAX_MESSAGE_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a message that is too long",
        ));
    }
    frame[..4].copy_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
    stream.write_all(&frame)
}

/// Sends an open file, before the first message.
pub(super) fn send_file(socket: &UnixStream, file: BorrowedFd<'_>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let files = [file];
    control.push(SendAncillaryMessage::ScmRights(&files));
    let data = [IoSlice::new(&[0])];
    rustix::net::sendmsg(socket, &data, &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives an open file, before the first message; `None`: the other side has closed the socket.
pub(super) fn receive_file(socket: &UnixStream) -> io::Result<Option<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut data = [IoSliceMut::new(&mut byte)];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received = rustix::net::recvmsg(socket, &mut data, &mut control, flags)?;
    if received.bytes == 0 {
        return Ok(None);
    }
    let mut files = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    let file = files.next().and_then(|mut files| files.next());
    let missing = || io::Error::new(io::ErrorKind::InvalidData, "no file was sent");
    file.map(Some).ok_or_else(missing)
}

/// Receives one message; `None`: the other side has closed the socket.
pub(super) fn receive<M: DeserializeOwned>(stream: &mut impl Read) -> io::Result<Option<M>> {
    let mut len = [0; 4];
    match stream.read_exact(&mut len) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut frame = Zeroizing::new(vec![0; frame_len(len)?]);
    stream.read_exact(&mut frame)?;
    Ok(Some(serde_json::from_slice(&frame)?))
}

/// Messages that arrive in pieces: what is read is put in, whole messages come out.
#[derive(Default)]
pub(super) struct Frames {
    header: [u8; 4],
    /// The bytes of the header that have arrived.
    header_len: usize,
    /// The message that is arriving; allocated once, so that no copy of it stays in memory.
    frame: Zeroizing<Vec<u8>>,
    whole: VecDeque<FromChild>,
}

impl Frames {
    /// Takes in bytes.
    ///
    /// # Errors
    /// If they are not messages.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.header_len < self.header.len() {
                self.header[self.header_len] = bytes[0];
                self.header_len += 1;
                bytes = &bytes[1..];
                if self.header_len == self.header.len() {
                    let len = frame_len(self.header)?;
                    self.frame = Zeroizing::new(Vec::with_capacity(len));
                }
                continue;
            }
            let len = frame_len(self.header)?;
            let (part, rest) = bytes.split_at(bytes.len().min(len - self.frame.len()));
            self.frame.extend_from_slice(part);
            bytes = rest;
            if self.frame.len() == len {
                let frame = std::mem::take(&mut self.frame);
                self.header_len = 0;
                self.whole.push_back(serde_json::from_slice(&frame)?);
            }
        }
        Ok(())
    }

    /// The next whole message.
    pub(super) fn pop(&mut self) -> Option<FromChild> {
        self.whole.pop_front()
    }
}

fn frame_len(header: [u8; 4]) -> io::Result<usize> {
    match usize::try_from(u32::from_be_bytes(header)) {
        Ok(len) if len <= MAX_MESSAGE_BYTES => Ok(len),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a frame that is too long",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use crate::boundary::private_copy::PrivateCopy;

    #[test]
    fn frames_come_back_as_they_went() {
        let mut wire = Vec::new();
        send(&mut wire, &ToChild::Cancel { call: 7 }).unwrap();
        send(&mut wire, &FromChild::Pong).unwrap();
        let mut reader = wire.as_slice();
        assert!(matches!(
            receive(&mut reader).unwrap(),
            Some(ToChild::Cancel { call: 7 })
        ));
        assert!(matches!(
            receive(&mut reader).unwrap(),
            Some(FromChild::Pong)
        ));
        assert!(receive::<FromChild>(&mut reader).unwrap().is_none());
    }

    #[test]
    fn a_file_arrives_with_its_content() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let file = PrivateCopy::of(b"library").unwrap();
        send_file(&ours, file.as_fd()).unwrap();
        send(&mut &ours, &FromChild::Pong).unwrap();
        let received = PrivateCopy::from(receive_file(&theirs).unwrap().unwrap());
        assert_eq!(std::fs::read(received.path()).unwrap(), b"library");
        assert!(matches!(
            receive(&mut &theirs).unwrap(),
            Some(FromChild::Pong)
        ));
        ours.set_nonblocking(true).unwrap();
        send(&mut &ours, &FromChild::Pong).unwrap();
        receive_file(&theirs).unwrap_err();
        drop(ours);
        let mut rest = Vec::new();
        (&theirs).read_to_end(&mut rest).unwrap();
        assert!(receive_file(&theirs).unwrap().is_none());
    }

    #[test]
    fn messages_in_pieces_come_out_whole() {
        let mut wire = Vec::new();
        for call in 0..3 {
            send(&mut wire, &FromChild::Begun { call }).unwrap();
        }
        for size in 1..=wire.len() {
            let mut frames = Frames::default();
            let mut calls = Vec::new();
            for part in wire.chunks(size) {
                frames.push(part).unwrap();
                while let Some(FromChild::Begun { call }) = frames.pop() {
                    calls.push(call);
                }
            }
            assert_eq!(calls, [0, 1, 2], "{size}");
        }
    }

    #[test]
    fn pieces_that_are_no_messages_are_refused() {
        for bytes in [&[0xff, 0xff, 0xff, 0xff][..], &[0, 0, 0, 2, b'{', b'}']] {
            Frames::default().push(bytes).unwrap_err();
        }
    }

    #[test]
    fn a_length_that_lies_is_refused() {
        let mut reader: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0];
        assert!(receive::<FromChild>(&mut reader).is_err());
        let mut reader: &[u8] = &[0, 0, 0, 9, b'{'];
        assert!(receive::<FromChild>(&mut reader).is_err());
        let mut reader: &[u8] = &[0, 0, 0, 2, b'{', b'}'];
        assert!(receive::<FromChild>(&mut reader).is_err());
    }

    #[test]
    fn answers_keep_their_meaning() {
        let failure = Failure {
            kind: FailureKind::Unavailable,
            retry_after: Some(Duration::from_millis(1_500)),
            oauth_error: "x".to_owned(),
            log_detail: "y".to_owned(),
            ext_json: r#"{"a": 1}"#.to_owned(),
        };
        let mut wire = Vec::new();
        let answer = WireAnswer::from(Answer::Failed(failure));
        send(&mut wire, &FromChild::Answer { call: 1, answer }).unwrap();
        match receive(&mut wire.as_slice()).unwrap() {
            Some(FromChild::Answer { answer, .. }) => match Answer::from(answer) {
                Answer::Failed(failure) => {
                    assert_eq!(failure.kind, FailureKind::Unavailable);
                    assert_eq!(failure.retry_after, Some(Duration::from_millis(1_500)));
                    assert_eq!(failure.ext_json, r#"{"a": 1}"#);
                }
                other => panic!("{other:?}"),
            },
            _ => panic!("another message"),
        }
    }
}
