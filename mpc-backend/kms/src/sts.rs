//! `GetCallerIdentity` of STS, which tools ask before anything else. The query protocol: a form in, XML out.

use crate::error::{Kind, Refusal};
use crate::keys::Keys;

/// The answer to a form.
///
/// # Errors
/// `UnknownOperationException` for anything but `GetCallerIdentity`.
pub fn answer(keys: &dyn Keys, body: &[u8], request_id: &str) -> Result<String, Refusal> {
    let asks = |pair: &[u8]| pair == b"Action=GetCallerIdentity";
    if !body.split(|byte| *byte == b'&').any(asks) {
        return Err(Refusal::new(Kind::UnknownOperation, "of STS there is GetCallerIdentity only"));
    }
    let (account, arn) = (keys.account(), escaped(keys.principal()));
    Ok(format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>{arn}</Arn><UserId>{arn}</UserId><Account>{account}</Account></GetCallerIdentityResult>\
         <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    ))
}

/// A refusal in that protocol.
pub fn refusal(refusal: &Refusal, request_id: &str) -> String {
    let (code, text) = (refusal.kind.name(), escaped(&refusal.message));
    format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{text}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
