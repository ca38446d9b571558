//! MIT's Kerberos library, loaded when it is first needed; here and below is all unsafe code.
//!
//! What is declared here is what `gssapi.h` and `gssapi_ext.h` declare (RFC 2744, RFC 5801 §A), which
//! has not changed in twenty years: `libgssapi_krb5.so.2` is the name of that promise.
//!
//! Only Kerberos is ever negotiated, whatever other mechanisms the machine has: the others prove no
//! server. Tickets are never passed on (no delegation).

mod service;

use std::error::Error;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::slice;
use std::sync::OnceLock;

use libloading::Library as Shared;
use wayfare_proto::policy::auth::negotiate::Made;
use wayfare_proto::syntax::credentials::Credentials;
use zeroize::Zeroizing;

use super::{Context, Failure, Purpose, Tickets};

/// The system's library of proofs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Library;

impl Tickets for Library {
    fn begin(&self, purpose: &Purpose) -> Result<Box<dyn Context>, Failure> {
        let calls = calls()?;
        let target = Name::import(calls, &service::name(&purpose.host)?, &PRINCIPAL_NAME)?;
        let credential = Credential::acquire(calls, &purpose.credentials)?;
        let binding = purpose.binding.as_ref().map(|hash| [ENDPOINT, hash].concat());
        let handle = ptr::null_mut();
        Ok(Box::new(Proof { calls, handle, credential, target, binding }))
    }
}

/// A security context, and what it is made with.
struct Proof {
    calls: &'static Calls,
    handle: Handle,
    credential: Credential,
    target: Name,
    binding: Option<Vec<u8>>,
}

// SAFETY: the library's handles belong to no thread; they must not be used by several at once, and
// each is owned here and used through `&mut`.
unsafe impl Send for Proof {}

impl Context for Proof {
    fn step(&mut self, token: Option<&[u8]>) -> Result<Made, Failure> {
        let input = Buffer::of(token.unwrap_or_default());
        let mut bindings = Bindings {
            application_data: Buffer::of(self.binding.as_deref().unwrap_or_default()),
            ..Bindings::default()
        };
        let bindings = match &self.binding {
            Some(_) => &raw mut bindings,
            None => ptr::null_mut(),
        };
        let mut output = Owned::new(self.calls);
        let (mut minor, mut flags) = (0, 0);
        // SAFETY: every pointer is to a live value of the declared type, or null where RFC 2744 §5.19
        // allows it; the input and the bindings are only read, and outlive the call; `handle` is null
        // or what an earlier call made.
        let major = unsafe {
            (self.calls.init_sec_context)(
                &raw mut minor,
                self.credential.handle,
                &raw mut self.handle,
                self.target.handle,
                &SPNEGO,
                MUTUAL | REPLAY,
                0,
                bindings,
                if token.is_some() { &input } else { ptr::null() },
                ptr::null_mut(),
                &raw mut output.buffer,
                &raw mut flags,
                ptr::null_mut(),
            )
        };
        if is_error(major) {
            return Err(self.calls.failure(major, minor));
        }
        let token = output.bytes().to_vec();
        if major & CONTINUE_NEEDED != 0 {
            return Ok(Made::Incomplete(token));
        }
        match flags & MUTUAL {
            0 => Err(Failure::Credentials("the service did not prove itself".to_owned())),
            _ => Ok(Made::Complete(token)),
        }
    }
}

impl Drop for Proof {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: `handle` is null, which is allowed, or a context that nobody else has.
        unsafe {
            (self.calls.delete_sec_context)(&raw mut minor, &raw mut self.handle, ptr::null_mut());
        }
    }
}

/// A name that the library has read.
struct Name {
    calls: &'static Calls,
    handle: Handle,
}

impl Name {
    fn import(calls: &'static Calls, text: &str, kind: &'static Oid) -> Result<Self, Failure> {
        let (mut minor, mut handle) = (0, ptr::null_mut());
        let text = Buffer::of(text.as_bytes());
        // SAFETY: the text and the kind are only read, and outlive the call.
        let major = unsafe { (calls.import_name)(&raw mut minor, &text, kind, &raw mut handle) };
        match is_error(major) {
            true => Err(calls.failure(major, minor)),
            false => Ok(Self { calls, handle }),
        }
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: `handle` is a name that nobody else has.
        unsafe { (self.calls.release_name)(&raw mut minor, &raw mut self.handle) };
    }
}

/// Tickets of somebody, for Kerberos alone.
struct Credential {
    calls: &'static Calls,
    handle: Handle,
}

impl Credential {
    fn acquire(calls: &'static Calls, whose: &Credentials) -> Result<Self, Failure> {
        let mut credential = Self { calls, handle: ptr::null_mut() };
        let mechanisms = OidSet::of(&SPNEGO);
        let mut minor = 0;
        let major = match whose.is_ambient() {
            // SAFETY: no name is the one logged in; the set is only read; what is not wanted is null.
            true => unsafe {
                (calls.acquire_cred)(
                    &raw mut minor,
                    ptr::null_mut(),
                    INDEFINITE,
                    &mechanisms,
                    INITIATE,
                    &raw mut credential.handle,
                    ptr::null_mut(),
                    ptr::null_mut(),
                )
            },
            false => {
                let name = Name::import(calls, whose.user(), &USER_NAME)?;
                let password = Zeroizing::new(whose.password().as_bytes().to_vec());
                let password = Buffer::of(&password);
                // SAFETY: as above; the name and the password are only read, and outlive the call.
                unsafe {
                    (calls.acquire_cred_with_password)(
                        &raw mut minor,
                        name.handle,
                        &password,
                        INDEFINITE,
                        &mechanisms,
                        INITIATE,
                        &raw mut credential.handle,
                        ptr::null_mut(),
                        ptr::null_mut(),
                    )
                }
            }
        };
        if is_error(major) {
            return Err(calls.failure(major, minor));
        }
        let kerberos = OidSet::of(&KERBEROS);
        // SAFETY: `handle` was made above; the set is only read.
        let major = unsafe { (calls.set_neg_mechs)(&raw mut minor, credential.handle, &kerberos) };
        match is_error(major) {
            true => Err(calls.failure(major, minor)),
            false => Ok(credential),
        }
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: `handle` is null, which is allowed, or a credential that nobody else has.
        unsafe { (self.calls.release_cred)(&raw mut minor, &raw mut self.handle) };
    }
}

/// The functions of the library, which is never unloaded.
struct Calls {
    acquire_cred: AcquireCred,
    acquire_cred_with_password: AcquireCredWithPassword,
    delete_sec_context: DeleteSecContext,
    display_status: DisplayStatus,
    import_name: ImportName,
    init_sec_context: InitSecContext,
    release_buffer: ReleaseBuffer,
    release_cred: Release,
    release_name: Release,
    set_neg_mechs: SetNegMechs,
    /// Keeps the functions where they are.
    _library: Shared,
}

/// The library, loaded once.
fn calls() -> Result<&'static Calls, Failure> {
    static CALLS: OnceLock<Calls> = OnceLock::new();
    if let Some(calls) = CALLS.get() {
        return Ok(calls);
    }
    // What could not be loaded is looked for again: it may have been installed meanwhile.
    let loaded = load(NAME)?;
    Ok(CALLS.get_or_init(|| loaded))
}

fn load(name: &str) -> Result<Calls, Failure> {
    Calls::load(name).map_err(|why| missing(name, &why))
}

fn missing(name: &str, why: &libloading::Error) -> Failure {
    // The system's own words are the ones that help.
    let why = why.source().map_or_else(|| why.to_string(), ToString::to_string);
    Failure::Absent(format!("{name} cannot be used ({why}); install libgssapi-krb5-2"))
}

impl Calls {
    fn load(name: &str) -> Result<Self, libloading::Error> {
        // SAFETY: what this library does when it is loaded is safe; the types of its functions are
        // those of its header files, and the functions live as long as the library beside them.
        unsafe {
            let library = Shared::new(name)?;
            Ok(Self {
                acquire_cred: *library.get(b"gss_acquire_cred\0")?,
                acquire_cred_with_password: *library.get(b"gss_acquire_cred_with_password\0")?,
                delete_sec_context: *library.get(b"gss_delete_sec_context\0")?,
                display_status: *library.get(b"gss_display_status\0")?,
                import_name: *library.get(b"gss_import_name\0")?,
                init_sec_context: *library.get(b"gss_init_sec_context\0")?,
                release_buffer: *library.get(b"gss_release_buffer\0")?,
                release_cred: *library.get(b"gss_release_cred\0")?,
                release_name: *library.get(b"gss_release_name\0")?,
                set_neg_mechs: *library.get(b"gss_set_neg_mechs\0")?,
                _library: library,
            })
        }
    }

    /// What went wrong, in the library's words.
    fn failure(&'static self, major: u32, minor: u32) -> Failure {
        // The mechanism's words are the ones that help, where there are any.
        let told = [self.words(minor, MECHANISM_CODE), self.words(major, GSS_CODE)];
        let told: Vec<_> = told.into_iter().filter(|words| !words.is_empty()).collect();
        Failure::Credentials(told.join("; "))
    }

    fn words(&'static self, code: u32, kind: c_int) -> String {
        let (mut minor, mut more) = (0, 0);
        let mut text = Owned::new(self);
        // SAFETY: all pointers are to live values; no mechanism is the default one.
        let major = unsafe {
            (self.display_status)(
                &raw mut minor,
                code,
                kind,
                ptr::null(),
                &raw mut more,
                &raw mut text.buffer,
            )
        };
        match is_error(major) || code == 0 {
            true => String::new(),
            false => String::from_utf8_lossy(text.bytes())
                .trim_matches(|end: char| end.is_whitespace() || end == '\0')
                .to_owned(),
        }
    }
}

/// Bytes that the library has allocated.
struct Owned {
    calls: &'static Calls,
    buffer: Buffer,
}

impl Owned {
    fn new(calls: &'static Calls) -> Self {
        Self { calls, buffer: Buffer { length: 0, value: ptr::null_mut() } }
    }

    fn bytes(&self) -> &[u8] {
        if self.buffer.value.is_null() {
            return &[];
        }
        // SAFETY: the library has written so many bytes there, which are its own until released.
        unsafe { slice::from_raw_parts(self.buffer.value.cast(), self.buffer.length) }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: the buffer is empty, which is allowed, or the library's own.
        unsafe { (self.calls.release_buffer)(&raw mut minor, &raw mut self.buffer) };
    }
}

/// `gss_buffer_desc`.
#[repr(C)]
struct Buffer {
    length: usize,
    value: *mut c_void,
}

impl Buffer {
    /// Bytes for the library to read; the caller keeps them alive, and the library does not write.
    fn of(bytes: &[u8]) -> Self {
        Self { length: bytes.len(), value: bytes.as_ptr().cast_mut().cast() }
    }
}

/// `gss_OID_desc`.
#[repr(C)]
struct Oid {
    length: u32,
    elements: *const u8,
}

impl Oid {
    const fn of(elements: &'static [u8]) -> Self {
        #[allow(clippy::cast_possible_truncation)] // A dozen bytes at most.
        Self { length: elements.len() as u32, elements: elements.as_ptr() }
    }
}

// SAFETY: it points to bytes that never change.
unsafe impl Sync for Oid {}

/// `gss_OID_set_desc`.
#[repr(C)]
struct OidSet {
    count: usize,
    elements: *const Oid,
}

impl OidSet {
    fn of(only: &'static Oid) -> Self {
        Self { count: 1, elements: only }
    }
}

/// `gss_channel_bindings_struct`.
#[repr(C)]
struct Bindings {
    initiator_type: u32,
    initiator_address: Buffer,
    acceptor_type: u32,
    acceptor_address: Buffer,
    application_data: Buffer,
}

impl Default for Bindings {
    /// No addresses, and nothing of the application.
    fn default() -> Self {
        let nothing = || Buffer { length: 0, value: ptr::null_mut() };
        Self {
            initiator_type: 0,
            initiator_address: nothing(),
            acceptor_type: 0,
            acceptor_address: nothing(),
            application_data: nothing(),
        }
    }
}

type Handle = *mut c_void;
type AcquireCred = unsafe extern "C" fn(
    *mut u32,
    Handle,
    u32,
    *const OidSet,
    c_int,
    *mut Handle,
    *mut *mut OidSet,
    *mut u32,
) -> u32;
type AcquireCredWithPassword = unsafe extern "C" fn(
    *mut u32,
    Handle,
    *const Buffer,
    u32,
    *const OidSet,
    c_int,
    *mut Handle,
    *mut *mut OidSet,
    *mut u32,
) -> u32;
type DeleteSecContext = unsafe extern "C" fn(*mut u32, *mut Handle, *mut Buffer) -> u32;
type DisplayStatus =
    unsafe extern "C" fn(*mut u32, u32, c_int, *const Oid, *mut u32, *mut Buffer) -> u32;
type ImportName = unsafe extern "C" fn(*mut u32, *const Buffer, *const Oid, *mut Handle) -> u32;
type InitSecContext = unsafe extern "C" fn(
    *mut u32,
    Handle,
    *mut Handle,
    Handle,
    *const Oid,
    u32,
    u32,
    *mut Bindings,
    *const Buffer,
    *mut *const Oid,
    *mut Buffer,
    *mut u32,
    *mut u32,
) -> u32;
type Release = unsafe extern "C" fn(*mut u32, *mut Handle) -> u32;
type ReleaseBuffer = unsafe extern "C" fn(*mut u32, *mut Buffer) -> u32;
type SetNegMechs = unsafe extern "C" fn(*mut u32, Handle, *const OidSet) -> u32;

/// True if the upper half of a major status, where the errors are, is not empty.
fn is_error(major: u32) -> bool {
    major & 0xffff_0000 != 0
}

const NAME: &str = "libgssapi_krb5.so.2";
const ENDPOINT: &[u8] = b"tls-server-end-point:";

/// 1.3.6.1.5.5.2
static SPNEGO: Oid = Oid::of(b"\x2b\x06\x01\x05\x05\x02");
/// 1.2.840.113554.1.2.2
static KERBEROS: Oid = Oid::of(b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02");
/// `GSS_KRB5_NT_PRINCIPAL_NAME`: 1.2.840.113554.1.2.2.1
static PRINCIPAL_NAME: Oid = Oid::of(b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01");
/// `GSS_C_NT_USER_NAME`: 1.2.840.113554.1.2.1.1
static USER_NAME: Oid = Oid::of(b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x01");

const MUTUAL: u32 = 2;
const REPLAY: u32 = 4;
const CONTINUE_NEEDED: u32 = 1;
const INDEFINITE: u32 = u32::MAX;
const INITIATE: c_int = 1;
const GSS_CODE: c_int = 1;
const MECHANISM_CODE: c_int = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_missing_is_named_with_what_helps() {
        let why = load("libnothing.so.0").err().map(|failure| failure.to_string());
        let why = why.unwrap_or_default();
        assert!(why.contains("libnothing.so.0") && why.contains("install"), "{why}");
    }

    #[test]
    fn a_library_that_is_another_is_not_used() {
        // It is there, and has none of the functions.
        let why = load("libc.so.6").err().map(|failure| failure.to_string()).unwrap_or_default();
        assert!(why.contains("libc.so.6 cannot be used"), "{why}");
    }
}
