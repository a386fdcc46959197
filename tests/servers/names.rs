//! Where the servers send one, and what they call what they have.

use crate::support::program::Home;
use crate::support::{assert_is, content, names_in};
use crate::{kinds, put};

#[test]
fn all_servers_send_elsewhere_and_name_what_is_there() {
    let root = tempfile::tempdir().expect("a folder");
    let bytes = content(3400, 100_000);
    put(root.path(), "file.bin", &bytes, 0);
    let called = "attachment; filename=\"rates.txt\"; filename*=UTF-8''%e2%82%ac%20rates.txt";
    let escaped = called.replace('"', "\\\"");
    let servers = [
        kinds::nginx(
            root.path(),
            &format!(
                "location = /moved {{ return 302 /file.bin; }}\nlocation = /file.bin {{\n\
                 if ($arg_called) {{ add_header Content-Disposition \"{escaped}\"; }}\n}}"
            ),
        ),
        // A percent sign is the beginning of something in Apache's headers.
        kinds::apache(
            root.path(),
            &format!(
                "Redirect 301 /moved /file.bin\n\
                 Header set Content-Disposition \"{}\" \"expr=%{{QUERY_STRING}} == 'called=1'\"",
                escaped.replace('%', "%%")
            ),
        ),
        kinds::lighttpd(
            root.path(),
            &format!(
                "server.modules += (\"mod_redirect\", \"mod_setenv\")\n\
                 url.redirect = (\"^/moved\" => \"/file.bin\")\n\
                 $HTTP[\"querystring\"] == \"called=1\" {{\n\
                 setenv.add-response-header = (\"Content-Disposition\" => \"{escaped}\")\n}}"
            ),
        ),
        kinds::caddy(
            root.path(),
            &format!(
                "redir /moved /file.bin 308\n@called query called=1\n\
                 header @called Content-Disposition \"{escaped}\""
            ),
        ),
    ];
    for server in servers {
        let home = Home::new();
        home.run(["get", &server.url("moved")]).fine();
        home.run(["get", &server.url("file.bin?called=1")]).fine();
        let names = names_in(&home.files());
        assert_eq!(names, ["file.bin", "€ rates.txt"]);
        for name in names {
            assert_is(&home.file(&name), &bytes);
        }
    }
}
