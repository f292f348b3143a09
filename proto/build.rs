//! Compiles the schemas without a protoc on the machine.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new("schema");
    let files = [
        "counterfoil/kms/v1/kms.proto",
        "counterfoil/registry/v1/registry.proto",
        "counterfoil/client/v1/client.proto",
        "counterfoil/peer/v1/peer.proto",
    ];
    for file in files {
        println!("cargo:rerun-if-changed=schema/{file}");
    }
    let descriptors = protox::compile(files, [root])?;
    let grpc = std::env::var_os("CARGO_FEATURE_GRPC").is_some();
    tonic_prost_build::configure().build_client(grpc).build_server(grpc).compile_fds(descriptors)?;
    Ok(())
}
