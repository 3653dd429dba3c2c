//! Over TCP the server is verified: its authority, its name, TLS 1.3, and a password out of a file.

use std::path::Path;

use brygga_pgtest::{Cluster, SUPERUSER, Setup};
use brygga_store::PostgresOptions;
use brygga_store::postgres::{ConnectError, OpenError, Server, make_roles};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A server on TCP whose certificate is for `localhost`.
fn server(authority: &Authority, more: &[&str]) -> Cluster {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![String::from("localhost")]).unwrap().signed_by(&key, authority).unwrap();
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    let mut settings: Vec<String> =
        ["listen_addresses = '127.0.0.1'", "ssl = on", "ssl_cert_file = 'test.pem'", "ssl_key_file = 'test.key'", "ssl_min_protocol_version = 'TLSv1.2'"]
            .map(String::from)
            .to_vec();
    settings.extend(more.iter().map(ToString::to_string));
    let hba = b"local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
    let files: &[(&str, &[u8])] = &[("test.pem", certificate.as_bytes()), ("test.key", key.as_bytes()), ("pg_hba.conf", hba)];
    let cluster = Cluster::start(&Setup { settings: &settings, files, port: Some(free_port()) });
    cluster.sql("postgres", "ALTER ROLE postgres PASSWORD 'made up'");
    cluster
}

async fn connect(cluster: &Cluster, folder: &Path, host: &str, authority: &Authority, password: &str) -> Result<(), ConnectError> {
    let (root_certificate, password_file) = (folder.join("root.pem"), folder.join("password"));
    std::fs::write(&root_certificate, authority.pem()).unwrap();
    std::fs::write(&password_file, password).unwrap();
    let options = PostgresOptions {
        server: Server::Tcp { host: host.to_owned(), root_certificate },
        port: cluster.port(),
        database: String::from("postgres"),
        user: SUPERUSER.to_owned(),
        password_file: Some(password_file),
    };
    match make_roles(&options).await {
        Ok(()) => Ok(()),
        Err(OpenError::Roles { source, .. }) => Err(source),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn the_server_is_verified_and_the_password_comes_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (authority(), authority());
    let cluster = server(&right, &[]);
    connect(&cluster, folder.path(), "localhost", &right, "made up\n").await.unwrap();
    let error = connect(&cluster, folder.path(), "localhost", &right, "wrong").await.unwrap_err();
    assert!(matches!(error, ConnectError::Trouble(_)) && source(&error).contains("28P01"), "{error:?}");
    for (host, authority) in [("localhost", &wrong), ("127.0.0.1", &right)] {
        let error = connect(&cluster, folder.path(), host, authority, "made up").await.unwrap_err();
        assert!(matches!(error, ConnectError::Trouble(_)) && source(&error).contains("certificate"), "{host}: {error:?}");
    }
}

#[tokio::test]
async fn a_server_without_tls_1_3_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let authority = authority();
    for more in [&["ssl = off"][..], &["ssl_max_protocol_version = 'TLSv1.2'"]] {
        let cluster = server(&authority, more);
        let error = connect(&cluster, folder.path(), "localhost", &authority, "made up").await.unwrap_err();
        assert!(matches!(error, ConnectError::Unprotected { .. } | ConnectError::Trouble(_)), "{more:?}: {error:?}");
        assert!(source(&error).to_lowercase().contains("tls") || source(&error).contains("ProtocolVersion"), "{error:?}");
    }
}

/// An error with all its causes.
fn source(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {}", source(cause)))
}
