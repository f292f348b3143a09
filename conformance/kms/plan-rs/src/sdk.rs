//! The SDK's operations by their names.

use anyhow::{Result, ensure};
use aws_sdk_kms::Client;
use aws_sdk_kms::error::{DisplayErrorContext, ProvideErrorMetadata};
use serde_json::{Map, Value};

use crate::json::{Show, name, object, take};

/// What the agent answers instead, by AWS's name.
#[derive(Debug)]
pub struct Refused(pub String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// Operation, setters of its request, members of its answer.
macro_rules! operations {
    ($($operation:ident($($setter:ident),*) -> ($($member:ident),*);)*) => {
        /// Does an operation with these members; an error is nothing that the agent said.
        pub async fn ask(
            kms: &Client,
            operation: &str,
            mut members: Map<String, Value>,
        ) -> Result<Result<Value, Refused>> {
            $(if operation == name(stringify!($operation)) {
                let call = kms.$operation()$(.$setter(take(&mut members, stringify!($setter))?))*;
                ensure!(members.is_empty(), "{operation} is not asked with {members:?}");
                return match call.send().await {
                    Ok(_answer) => Ok(Ok(object([$((stringify!($member), _answer.$member.show())),*]))),
                    Err(error) => match error.code() {
                        Some(code) => Ok(Err(Refused(code.to_owned()))),
                        None => anyhow::bail!("{}", DisplayErrorContext(&error)),
                    },
                };
            })*
            anyhow::bail!("{operation} is not in the list");
        }
    };
}

operations! {
    cancel_key_deletion(set_key_id) -> (key_id);
    create_alias(set_alias_name, set_target_key_id) -> ();
    create_grant(set_key_id, set_grantee_principal, set_retiring_principal, set_operations, set_name, set_constraints)
        -> (grant_id, grant_token);
    create_key(set_description, set_key_spec, set_key_usage, set_tags) -> (key_metadata);
    decrypt(set_ciphertext_blob, set_key_id, set_encryption_context, set_encryption_algorithm)
        -> (plaintext, key_id, encryption_algorithm);
    delete_alias(set_alias_name) -> ();
    derive_shared_secret(set_key_id, set_key_agreement_algorithm, set_public_key) -> (shared_secret, key_id);
    describe_key(set_key_id) -> (key_metadata);
    disable_key(set_key_id) -> ();
    disable_key_rotation(set_key_id) -> ();
    enable_key(set_key_id) -> ();
    enable_key_rotation(set_key_id, set_rotation_period_in_days) -> ();
    encrypt(set_key_id, set_plaintext, set_encryption_context, set_encryption_algorithm, set_dry_run)
        -> (ciphertext_blob, key_id, encryption_algorithm);
    generate_data_key(set_key_id, set_key_spec, set_number_of_bytes, set_encryption_context)
        -> (plaintext, ciphertext_blob, key_id);
    generate_data_key_pair(set_key_id, set_key_pair_spec, set_encryption_context)
        -> (key_pair_spec, public_key, private_key_plaintext, private_key_ciphertext_blob);
    generate_data_key_pair_without_plaintext(set_key_id, set_key_pair_spec)
        -> (key_pair_spec, public_key, private_key_ciphertext_blob);
    generate_data_key_without_plaintext(set_key_id, set_key_spec, set_number_of_bytes, set_encryption_context)
        -> (ciphertext_blob, key_id);
    generate_mac(set_key_id, set_message, set_mac_algorithm) -> (mac);
    generate_random(set_number_of_bytes) -> (plaintext);
    get_key_policy(set_key_id, set_policy_name) -> (policy, policy_name);
    get_key_rotation_status(set_key_id) -> (key_rotation_enabled, rotation_period_in_days);
    get_public_key(set_key_id)
        -> (key_id, public_key, key_spec, key_usage, signing_algorithms, encryption_algorithms, key_agreement_algorithms);
    list_aliases(set_key_id) -> (aliases);
    list_grants(set_key_id) -> (grants);
    list_key_policies(set_key_id) -> (policy_names);
    list_key_rotations(set_key_id) -> (rotations);
    list_keys(set_limit) -> (keys);
    list_resource_tags(set_key_id) -> (tags);
    list_retirable_grants(set_retiring_principal) -> (grants);
    put_key_policy(set_key_id, set_policy_name, set_policy) -> ();
    re_encrypt(set_ciphertext_blob, set_source_encryption_context, set_destination_key_id, set_destination_encryption_context)
        -> (ciphertext_blob, source_key_id, key_id);
    retire_grant(set_grant_token) -> ();
    revoke_grant(set_key_id, set_grant_id) -> ();
    rotate_key_on_demand(set_key_id) -> (key_id);
    schedule_key_deletion(set_key_id, set_pending_window_in_days) -> (key_id, key_state);
    sign(set_key_id, set_message, set_message_type, set_signing_algorithm, set_dry_run)
        -> (key_id, signature, signing_algorithm);
    tag_resource(set_key_id, set_tags) -> ();
    untag_resource(set_key_id, set_tag_keys) -> ();
    update_alias(set_alias_name, set_target_key_id) -> ();
    update_key_description(set_key_id, set_description) -> ();
    verify(set_key_id, set_message, set_message_type, set_signature, set_signing_algorithm) -> (signature_valid);
}
