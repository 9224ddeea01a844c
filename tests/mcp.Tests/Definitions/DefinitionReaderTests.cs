using Mcp.Definitions;
using Mcp.Errors;

namespace Mcp.Tests.Definitions;

/// <summary>The reader wants to help: everything that is wrong at once, where it is, and what is allowed.</summary>
internal sealed class DefinitionReaderTests
{
    [Test]
    public async Task The_definition_of_the_contract_is_read_whole()
    {
        var result = DefinitionReader.Read("notes.toml", """
            name   = "notes"
            tier   = "worker"          # "core" | "worker" (default)
            node   = "orion"           # optional pin; overrides tier
            active = true              # false: desired state is stopped
            allow_host_paths = ["/etc/ssl:ro"]

            [snapshot]
            method  = "full"
            exclude = ["layers/"]
            component = "notes"

            [[components]]
            name    = "notes"
            image   = "registry.example.net/notes:v0.4.0"
            network = "mcpnet"
            user    = "0:0"
            restart = "unless-stopped"
            ports   = ["127.0.0.1:9000:9000"]
            volumes = ["/srv/notes:/srv/notes", "/etc/ssl:/etc/ssl:ro"]
            scratch = ["/var/cache/notes"]
            cmd     = ["server", "--config", "/srv/notes/notes.toml"]
            env     = ["LOG=info"]
            env_files = ["/srv/notes/secrets.env"]

            [components.health]
            type = "http"
            port = 8080
            path = "/healthz"
            interval = "2s"
            timeout = "30s"

            [[components.routes]]
            name           = "public"
            port           = 8443
            mode           = "l7"
            container_port = 8080
            hostname       = "notes.example.org"
            public         = true
            backend_tls    = false
            """);
        await Assert.That(result.Problems).IsEmpty();
        await Assert.That(result.Warnings).IsEmpty();
        var spec = result.RequireSpec();
        await Assert.That(spec.ToString()).IsEqualTo("""
            { "name": "notes", "active": true, "components": [ { "name": "notes", "image": "registry.example.net/notes:v0.4.0", "network": "mcpnet", "user": "0:0", "restart": "unless-stopped", "ports": [ "127.0.0.1:9000:9000" ], "volumes": [ "/srv/notes:/srv/notes", "/etc/ssl:/etc/ssl:ro" ], "cmd": [ "server", "--config", "/srv/notes/notes.toml" ], "routes": [ { "name": "public", "port": 8443, "mode": "l7", "hostname": "notes.example.org", "public": true, "containerPort": 8080 } ], "env": [ "LOG=info" ], "health": { "type": "http", "port": 8080, "path": "/healthz", "interval": "2s", "timeout": "30s" }, "envFiles": [ "/srv/notes/secrets.env" ], "scratch": [ "/var/cache/notes" ] } ], "tier": "worker", "node": "orion", "snapshot": { "method": "full", "excludes": [ "layers/" ], "component": "notes" }, "allowHostPaths": [ "/etc/ssl:ro" ] }
            """);
    }

    [Test]
    public async Task Seven_mistakes_are_seven_problems_each_at_its_place()
    {
        var result = DefinitionReader.Read("notes.toml", """
            name = "Notes"
            tear = "core"

            [[components]]
            name = "web"
            image = "registry.example.net/notes:latest"
            ports = ["127.0.0.1:9000:9000", "9000:80"]
            user = 1000
            restart = "sometimes

            [[components.routes]]
            name = "public"
            port = 8443
            """);
        await Assert.That(result.Problems.Select(p => $"{p.Line}:{p.Column} {p.Key}")).IsEquivalentTo([
            "1:8 name",
            "2:1 tear",
            "6:9 components[0].image",
            "7:33 components[0].ports[1]",
            "8:8 components[0].user",
            "9:11 ",
            "11:3 components[0].routes[0].mode",
        ]);
        await Assert.That(result.Spec).IsNull();
        var thrown = Assert.Throws<McpException>(() => result.RequireSpec());
        await Assert.That(thrown!.Code).IsEqualTo(FaultCode.InvalidArgument);
        await Assert.That(thrown.Problems).Count().IsEqualTo(7);
        await Assert.That(thrown.Describe()).DoesNotContain("Mcp.").And.DoesNotContain("Tomlyn");
    }

    [Test]
    public async Task A_version_1_file_loads_unchanged_and_says_what_it_ignores()
    {
        var result = DefinitionReader.Read("ledger.toml", """
            name = "ledger"
            node = "rift"
            active = true
            path = "ledger"

            [build]
            uses_mcdsl = false

            [build.images]
            ledger-api = "Dockerfile.api"

            [[components]]
            name = "api"
            image = "mcr.example.net:8443/ledger:v1.3.0"
            network = "mcpnet"
            user = "0:0"
            restart = "unless-stopped"
            volumes = ["/srv/ledger:/srv/ledger"]
            cmd = ["server", "--config", "/srv/ledger/ledger.toml"]

            [[components.routes]]
            port = 8443
            mode = "l4"

            [[components]]
            name = "web"
            image = "mcr.example.net:8443/ledger-web:v1.3.0"

            [[components.routes]]
            port = 443
            mode = "l7"
            """);
        await Assert.That(result.Problems).IsEmpty();
        await Assert.That(result.Warnings.Select(w => $"{w.Line} {w.Key}")).IsEquivalentTo(["4 path", "6 build"]);
        var spec = result.RequireSpec();
        await Assert.That(spec.Node).IsEqualTo("rift");
        await Assert.That(spec.Tier).IsEqualTo("worker");
        await Assert.That(spec.Components.SelectMany(c => c.Routes).All(r => !r.Public && r.Name == "default")).IsTrue();
        // Written out and read again, nothing of it is lost.
        await Assert.That(DefinitionReader.Read("again.toml", DefinitionWriter.Write(spec)).RequireSpec()).IsEqualTo(spec);
    }

    [Test]
    public async Task Defaults_are_filled()
    {
        var spec = Good("""
            name = "notes"
            [[components]]
            name = "notes"
            image = "localhost/notes:v1"
            ports = ["9000:80", "[::1]:53:53/udp"]
            volumes = ["/srv/notes/:/data/:rw"]
            [components.health]
            type = "http"
            [[components.routes]]
            port = 8443
            mode = "l7"
            container_port = 8080
            [snapshot]
            method = "cli"
            """);
        var component = spec.Components[0];
        await Assert.That(spec.Active).IsTrue();
        await Assert.That(spec.Tier).IsEqualTo("worker");
        await Assert.That(spec.Snapshot.Component).IsEqualTo("notes");
        await Assert.That(component.Restart).IsEqualTo("unless-stopped");
        await Assert.That(component.Ports).IsEquivalentTo(["127.0.0.1:9000:80", "[::1]:53:53/udp"]);
        await Assert.That(component.Volumes).IsEquivalentTo(["/srv/notes:/data"]);
        await Assert.That(component.Routes[0].Name).IsEqualTo("default");
        await Assert.That(component.Health.ToString()).IsEqualTo("""{ "type": "http", "port": 8080, "path": "/", "interval": "2s", "timeout": "30s" }""");
    }

    [Test]
    public async Task What_is_missing_is_said_once_at_the_table_it_is_missing_from()
    {
        var result = DefinitionReader.Read("f.toml", "[[components]]\n[[components.routes]]\n[components.health]\n");
        await Assert.That(result.Problems.Select(p => $"{p.Line}:{p.Column} {p.Key}")).IsEquivalentTo([
            "1:1 name", "1:3 components[0].name", "1:3 components[0].image",
            "2:3 components[0].routes[0].port", "2:3 components[0].routes[0].mode", "3:2 components[0].health.type",
        ]);
        await Assert.That(result.Problems.All(p => p.Message.StartsWith("is missing", StringComparison.Ordinal))).IsTrue();
    }

    [Test]
    public async Task An_empty_text_is_not_a_service()
    {
        var result = DefinitionReader.Read("f.toml", "");
        await Assert.That(result.Problems.Select(p => p.Key)).IsEquivalentTo(["name", "components"]);
    }

    [Test]
    public async Task A_missing_file_and_a_link_are_problems_without_a_line()
    {
        var folder = Directory.CreateTempSubdirectory("mcp-definition-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "a.toml"), "name = \"a\"\n");
            File.CreateSymbolicLink(Path.Combine(folder, "link.toml"), Path.Combine(folder, "a.toml"));
            var link = DefinitionReader.ReadFile(Path.Combine(folder, "link.toml"));
            await Assert.That(link.Problems.Single().Message).Contains("symbolic link");
            await Assert.That(link.Definition).IsNull();
            var none = DefinitionReader.ReadFile(Path.Combine(folder, "none.toml"));
            await Assert.That(none.Problems.Single().ToString()).IsEqualTo($"{folder}/none.toml: does not exist");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public async Task Advice_is_a_warning_and_no_mistake()
    {
        var result = DefinitionReader.Read("f.toml", """
            name = "prom"
            links = ["other"]
            [[components]]
            name = "prom"
            image = "localhost/prom:v1"
            cmd = ["--config.file=/srv/prom/p.yml"]
            [[components.routes]]
            port = 8443
            mode = "l4"
            backend_tls = true
            """);
        await Assert.That(result.Problems).IsEmpty();
        await Assert.That(result.Warnings.Select(w => w.Key)).IsEquivalentTo(["links", "components[0].cmd[0]", "components[0].routes[0].backend_tls"]);
    }

    private static Mcp.V1.ServiceSpec Good(string text) => DefinitionReader.Read("f.toml", text).RequireSpec();
}
