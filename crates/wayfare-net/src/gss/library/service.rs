//! What a host's service is called in Kerberos: as its URL names it, whatever DNS says.
//!
//! Given as a service of a host (`GSS_C_NT_HOSTBASED_SERVICE`), the library would ask the system's
//! resolver what the host is called, and then what its address is called, and have a ticket for that:
//! whoever can forge such an answer could choose the service, and so could have the ticket.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

use libloading::Library as Shared;
use wayfare_proto::policy::auth::negotiate::service_host;

use super::super::Failure;
use super::{Handle, missing};

/// `HTTP/host@REALM`, with what is special in a name escaped; without a realm, which is then asked
/// for, if the user's settings (`domain_realm`) know none.
pub(super) fn name(host: &str) -> Result<String, Failure> {
    let calls = calls()?;
    let host = service_host(host).to_ascii_lowercase();
    let host = CString::new(host).map_err(|_| unnamed("a host with a zero in its name"))?;
    let context = Context::new(calls)?;
    let mut principal = Principal { context: &context, handle: ptr::null_mut() };
    // SAFETY: the texts are only read, and outlive the call; the context is live. Nothing is looked up
    // for a name of unknown kind.
    let code = unsafe {
        (calls.sname_to_principal)(
            context.handle,
            host.as_ptr(),
            SERVICE.as_ptr(),
            UNKNOWN,
            &raw mut principal.handle,
        )
    };
    context.check(code)?;
    let mut text = Text { context: &context, start: ptr::null_mut() };
    // SAFETY: context and principal are live; the text is written to a pointer that is.
    let code =
        unsafe { (calls.unparse_name)(context.handle, principal.handle, &raw mut text.start) };
    context.check(code)?;
    // SAFETY: the library has written a text that ends with a zero, and is its own until released.
    Ok(unsafe { CStr::from_ptr(text.start) }.to_string_lossy().into_owned())
}

/// The library's settings, as it has read them.
struct Context {
    calls: &'static Calls,
    handle: Handle,
}

impl Context {
    fn new(calls: &'static Calls) -> Result<Self, Failure> {
        let mut context = Self { calls, handle: ptr::null_mut() };
        // SAFETY: the pointer is to a live value.
        let code = unsafe { (calls.init_context)(&raw mut context.handle) };
        context.check(code)?;
        Ok(context)
    }

    /// What went wrong, in the library's words.
    fn check(&self, code: i32) -> Result<(), Failure> {
        if code == 0 {
            return Ok(());
        }
        // SAFETY: the context is live, or null, which is allowed; the text ends with a zero, is only
        // read, and is given back once.
        let words = unsafe {
            let start = (self.calls.get_error_message)(self.handle, code);
            let words = CStr::from_ptr(start).to_string_lossy().into_owned();
            (self.calls.free_error_message)(self.handle, start);
            words
        };
        Err(unnamed(&words))
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: `handle` is null, which is allowed, or a context that nobody else has.
        unsafe { (self.calls.free_context)(self.handle) };
    }
}

/// A name that the library has made.
struct Principal<'a> {
    context: &'a Context,
    handle: Handle,
}

impl Drop for Principal<'_> {
    fn drop(&mut self) {
        // SAFETY: `handle` is null, which is allowed, or a name that nobody else has.
        unsafe { (self.context.calls.free_principal)(self.context.handle, self.handle) };
    }
}

/// A text that the library has written.
struct Text<'a> {
    context: &'a Context,
    start: *mut c_char,
}

impl Drop for Text<'_> {
    fn drop(&mut self) {
        // SAFETY: `start` is null, which is allowed, or a text that nobody else has.
        unsafe { (self.context.calls.free_unparsed_name)(self.context.handle, self.start) };
    }
}

/// The functions of the library, which is never unloaded.
struct Calls {
    free_context: unsafe extern "C" fn(Handle),
    free_error_message: unsafe extern "C" fn(Handle, *const c_char),
    free_principal: unsafe extern "C" fn(Handle, Handle),
    free_unparsed_name: unsafe extern "C" fn(Handle, *mut c_char),
    get_error_message: unsafe extern "C" fn(Handle, i32) -> *const c_char,
    init_context: unsafe extern "C" fn(*mut Handle) -> i32,
    sname_to_principal:
        unsafe extern "C" fn(Handle, *const c_char, *const c_char, c_int, *mut *mut c_void) -> i32,
    unparse_name: unsafe extern "C" fn(Handle, Handle, *mut *mut c_char) -> i32,
    /// Keeps the functions where they are.
    _library: Shared,
}

/// The library, loaded once.
fn calls() -> Result<&'static Calls, Failure> {
    static CALLS: OnceLock<Calls> = OnceLock::new();
    if let Some(calls) = CALLS.get() {
        return Ok(calls);
    }
    let loaded = Calls::load().map_err(|why| missing(NAME, &why))?;
    Ok(CALLS.get_or_init(|| loaded))
}

impl Calls {
    fn load() -> Result<Self, libloading::Error> {
        // SAFETY: this library comes with the one of proofs, which has loaded it already; the types of
        // its functions are those of its header file, and the functions live as long as the library
        // beside them.
        unsafe {
            let library = Shared::new(NAME)?;
            Ok(Self {
                free_context: *library.get(b"krb5_free_context\0")?,
                free_error_message: *library.get(b"krb5_free_error_message\0")?,
                free_principal: *library.get(b"krb5_free_principal\0")?,
                free_unparsed_name: *library.get(b"krb5_free_unparsed_name\0")?,
                get_error_message: *library.get(b"krb5_get_error_message\0")?,
                init_context: *library.get(b"krb5_init_context\0")?,
                sname_to_principal: *library.get(b"krb5_sname_to_principal\0")?,
                unparse_name: *library.get(b"krb5_unparse_name\0")?,
                _library: library,
            })
        }
    }
}

fn unnamed(why: &str) -> Failure {
    Failure::Credentials(format!("the service cannot be named: {why}"))
}

const NAME: &str = "libkrb5.so.3";
const SERVICE: &CStr = c"HTTP";
/// `KRB5_NT_UNKNOWN`
const UNKNOWN: c_int = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_called_what_its_url_calls_it_and_nothing_in_it_is_special() {
        if calls().is_err() {
            return;
        }
        for (host, expected) in [
            // An address of this machine, which has another name.
            ("127.0.0.1", "HTTP/127.0.0.1@"),
            ("[::1]", "HTTP/::1@"),
            ("A.invalid.", "HTTP/a.invalid@"),
            ("a@evil.test", r"HTTP/a\@evil.test@"),
            ("a/b", r"HTTP/a\/b@"),
            (r"a\b", r"HTTP/a\\b@"),
        ] {
            let name = name(host).map_err(|failure| failure.to_string());
            // The machine's own settings may know the realm.
            assert!(name.as_ref().is_ok_and(|name| name.starts_with(expected)), "{host} {name:?}");
        }
        assert!(name("a\0b").is_err());
    }
}
