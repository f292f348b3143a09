//! Compiles Kubernetes' interface without a protoc on the machine.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=schema/kubernetes.proto");
    let descriptors = protox::compile(["kubernetes.proto"], ["schema"])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
