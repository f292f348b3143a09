//! The process: settings, clients, listeners, and an orderly end.

use std::path::Path;
use std::sync::Arc;

use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio_stream::wrappers::UnixListenerStream;

use crate::cluster::Cluster;
use crate::credentials::{Settings, TlsFiles};
use crate::kubernetes::Plugin;
use crate::kubernetes::v2::key_management_service_server::KeyManagementServiceServer;
use crate::server::{Access, Agent, BODY_BYTES_MAX, router};
use crate::tls::Tls;
use crate::upkeep;

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// One line that says what to mend.
pub fn run(path: &Path) -> Result<(), String> {
    let settings = Settings::load(path)?;
    let mut access = Vec::new();
    for credential in settings.credentials {
        let (id, secret) = (credential.access_key_id.clone(), credential.secret_access_key.clone());
        let cluster = Cluster::open(credential).map_err(|why| format!("{id}: {why}"))?;
        access.push(Access { id, secret, keys: Arc::new(cluster) });
    }
    let plugin = settings.kubernetes.map(|wanted| {
        let keys = access.iter().find(|access| access.id == wanted.access_key_id);
        let keys = keys.ok_or_else(|| format!("{} is no access key", wanted.access_key_id))?;
        Ok::<_, String>((Plugin::new(keys.keys.clone(), settings.region.clone(), wanted.key), wanted.socket))
    });
    let plugin = plugin.transpose()?;
    let all = access.iter().map(|access| Arc::clone(&access.keys)).collect();
    let agent = Arc::new(Agent::new(settings.region, access));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(async {
        tokio::spawn(upkeep::run(all));
        let aws = serve(agent, &settings.listen, settings.tls);
        match plugin {
            None => aws.await,
            Some((plugin, socket)) => tokio::try_join!(aws, serve_kubernetes(plugin, &socket)).map(drop),
        }
    })
}

async fn serve_kubernetes(plugin: Plugin, socket: &Path) -> Result<(), String> {
    let wrong = |why: String| format!("{}: {why}", socket.display());
    let listener = unix(socket).map_err(|error| wrong(error.to_string()))?;
    let service = KeyManagementServiceServer::new(plugin).max_decoding_message_size(BODY_BYTES_MAX);
    let done = tonic::transport::Server::builder()
        .add_service(service)
        .serve_with_incoming_shutdown(UnixListenerStream::new(listener), end()?)
        .await;
    done.map_err(|error| wrong(error.to_string()))
}

async fn serve(agent: Arc<Agent>, listen: &str, tls: Option<TlsFiles>) -> Result<(), String> {
    let wrong = |error: std::io::Error| format!("{listen}: {error}");
    let router = router(agent);
    let end = end()?;
    match listen.strip_prefix("unix:") {
        Some(path) => {
            let listener = unix(Path::new(path)).map_err(wrong)?;
            tracing::info!("listening on {listen}");
            axum::serve(listener, router).with_graceful_shutdown(end).await.map_err(wrong)
        }
        None => {
            let listener = TcpListener::bind(listen).await.map_err(wrong)?;
            tracing::info!("listening on {listen}");
            if let Some(files) = tls {
                let listener = Tls::new(listener, &files.certificate, &files.key)?;
                return axum::serve(listener, router).with_graceful_shutdown(end).await.map_err(wrong);
            }
            axum::serve(listener, router).with_graceful_shutdown(end).await.map_err(wrong)
        }
    }
}

/// A socket that this user alone can use; one that nobody listens on any more is replaced.
pub(crate) fn unix(path: &Path) -> std::io::Result<UnixListener> {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|about| about.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Ends with the first SIGTERM or SIGINT.
fn end() -> Result<impl Future<Output = ()> + Send + 'static, String> {
    let listen = |kind| signal(kind).map_err(|error| format!("signals: {error}"));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
