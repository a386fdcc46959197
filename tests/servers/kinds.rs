//! The servers, each with as much of a configuration as it takes.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::process::{Running, SQUID};
use crate::support::{tool, write};

/// Where from the proxies ask, so that a server can tell what came through one.
pub(crate) const BY_PROXY: &str = "127.0.0.2";

/// Apache, in one process, so that ending it by its id leaves nothing behind. `more` stands in its configuration.
pub(crate) fn apache(root: &Path, more: &str) -> Running {
    Running::start("apache2", |port, own| {
        let modules: String = [
            ("mpm_event", "mpm_event"),
            ("authn_core", "authn_core"),
            ("authn_file", "authn_file"),
            ("authz_core", "authz_core"),
            ("authz_user", "authz_user"),
            ("auth_basic", "auth_basic"),
            ("auth_digest", "auth_digest"),
            ("alias", "alias"),
            ("headers", "headers"),
            ("deflate", "deflate"),
            ("filter", "filter"),
            ("env", "env"),
        ]
        .map(|(name, file)| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{file}.so\n"))
        .concat();
        let config = format!(
            "{modules}\nServerName localhost\nListen 127.0.0.1:{port}\nServerRoot {own}\nPidFile {own}/pid\n\
             Mutex pthread\nErrorLog {own}/errors\nDocumentRoot {root}\n\
             <Directory {root}>\nRequire all granted\n</Directory>\n{more}\n",
            own = own.display(),
            root = root.display(),
        );
        write(&own.join("httpd.conf"), config.as_bytes());
        let mut command = tool("apache2", "apache2");
        command.args(["-X", "-f"]).arg(own.join("httpd.conf"));
        command
    })
}

/// lighttpd. It remembers for a second or two what a file was like, and for as long sends one that was just replaced
/// under the ETag, the date and the length of the old one.
pub(crate) fn lighttpd(root: &Path, more: &str) -> Running {
    Running::start("lighttpd", |port, own| {
        let config = format!(
            "server.bind = \"127.0.0.1\"\nserver.port = {port}\nserver.document-root = \"{}\"\n\
             server.errorlog = \"{}/errors\"\nmimetype.assign = (\"\" => \"application/octet-stream\")\n\
             {more}\n",
            root.display(),
            own.display(),
        );
        write(&own.join("lighttpd.conf"), config.as_bytes());
        let mut command = tool("lighttpd", "lighttpd");
        command.arg("-D").arg("-f").arg(own.join("lighttpd.conf"));
        command
    })
}

/// squid, which keeps what it fetches in memory; with a login where one is given. Started by root it insists on being
/// somebody else, who must be able to read its folder.
pub(crate) fn squid(login: Option<(&str, &str)>) -> Running {
    Running::start("squid", |port, own| {
        std::fs::set_permissions(own, std::fs::Permissions::from_mode(0o755))
            .expect("a folder others can read");
        let own_path = own.display();
        let (auth, access) = match login {
            Some((user, password)) => {
                write(
                    &own.join("helper"),
                    format!(
                        "#!/bin/sh\nwhile read -r user password; do\n\
                    if [ \"$user $password\" = '{user} {password}' ]; then echo OK; else echo ERR; fi\ndone\n"
                    )
                    .as_bytes(),
                );
                (
                    format!(
                        "auth_param basic program /bin/sh {own_path}/helper\nauth_param basic realm all\n\
                             acl known proxy_auth REQUIRED\n"
                    ),
                    "http_access allow known\nhttp_access deny all",
                )
            }
            None => (String::new(), "http_access allow all"),
        };
        let config = format!(
            "http_port 127.0.0.1:{port}\ntcp_outgoing_address {BY_PROXY}\nvisible_hostname localhost\npid_filename none\ncache_mem 64 MB\n\
             maximum_object_size_in_memory 32 MB\naccess_log none\ncache_log /dev/null\ncache_store_log none\n\
             coredump_dir {own_path}\nshutdown_lifetime 0 seconds\ncache_effective_user proxy\n{auth}{access}\n",
        );
        write(&own.join("squid.conf"), config.as_bytes());
        let mut command = tool("squid", "squid");
        command.args(["-N", "-n", &format!("{SQUID}{port}"), "-f"]).arg(own.join("squid.conf"));
        command
    })
}

/// microsocks, a SOCKS5 proxy; with a login where one is given.
pub(crate) fn microsocks(login: Option<(&str, &str)>) -> Running {
    Running::start("microsocks", |port, _| {
        let mut command = tool("microsocks", "microsocks");
        command.args(["-i", "127.0.0.1", "-b", BY_PROXY, "-p", &port.to_string()]);
        if let Some((user, password)) = login {
            command.args(["-u", user, "-P", password]);
        }
        command
    })
}

/// nginx with TLS: this certificate, that key.
pub(crate) fn nginx_with_tls(root: &Path, certificate: &Path, key: &Path, more: &str) -> Running {
    let (certificate, key) = (certificate.display(), key.display());
    start_nginx(root, " ssl", &format!("ssl_certificate {certificate}; ssl_certificate_key {key};\n{more}"))
}

/// nginx; `more` stands in its server.
pub(crate) fn nginx(root: &Path, more: &str) -> Running {
    start_nginx(root, "", more)
}

fn start_nginx(root: &Path, listens: &str, more: &str) -> Running {
    Running::start("nginx", |port, own| {
        let (own_path, root) = (own.display(), root.display());
        let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|what| format!("{what}_temp_path {own_path}/{what}; "))
            .concat();
        let config = format!(
            "daemon off; master_process off; user root root; pid {own_path}/pid; error_log {own_path}/errors;\n\
             events {{}}\nhttp {{ access_log off; {temp}\nlog_format asked escape=none '{LINE}';\n\
             limit_conn_zone $binary_remote_addr zone=clients:1m;\n\
             server {{ listen 127.0.0.1:{port}{listens}; root {root};\n{more}\n}} }}\n",
            LINE = "$status|$http_range|$http_if_range|$body_bytes_sent|$request_uri",
        );
        write(&own.join("nginx.conf"), config.as_bytes());
        let mut command = tool("nginx", "nginx-light");
        command.arg("-p").arg(own).arg("-c").arg(own.join("nginx.conf")).args(["-e", "errors"]);
        command
    })
}

/// Caddy; `more` stands in its site.
pub(crate) fn caddy(root: &Path, more: &str) -> Running {
    Running::start("caddy", |port, own| {
        let config = format!(
            "{{\n admin off\n auto_https off\n}}\nhttp://127.0.0.1:{port} {{\n root * {}\n {more}\n \
             file_server\n}}\n",
            root.display(),
        );
        write(&own.join("Caddyfile"), config.as_bytes());
        let mut command = tool("caddy", "caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(own.join("Caddyfile"));
        command.env("HOME", own).env("XDG_DATA_HOME", own).env("XDG_CONFIG_HOME", own);
        command
    })
}
