using Mcp.Definitions;

namespace Mcp.Tests.Definitions;

/// <summary>Row 61 of the hostile-input list and every rule of the contract: each line alone is refused, at its key, and says what is allowed.</summary>
internal sealed class HostileDefinitionTests
{
    private const string Good = """
        name = "notes"
        allow_host_paths = ["/etc/ssl:ro"]
        [[components]]
        name = "web"
        image = "localhost/notes:v1"
        volumes = ["/srv/notes:/data"]
        """;

    [Test]
    public async Task The_text_that_the_others_spoil_is_good() =>
        await Assert.That(DefinitionReader.Read("f.toml", Good).Problems).IsEmpty();

    [Test]
    [Arguments("name = \"notes\"", "name = \"../etc\"", "name")]
    [Arguments("name = \"notes\"", "name = \"a/b\"", "name")]
    [Arguments("name = \"notes\"", "name = \"no\\u0000tes\"", "name")]
    [Arguments("name = \"notes\"", "name = \"list\"", "name")]
    [Arguments("name = \"notes\"", "name = \"mcp\"", "name")]
    [Arguments("name = \"notes\"", "name = \"mcp-agent\"", "name")]
    [Arguments("name = \"notes\"", "name = \"-rf\"", "name")]
    [Arguments("name = \"notes\"", "name = \"notes\"\nname = \"notes\"", "name")]
    [Arguments("name = \"notes\"", "name = \"notes\"\ntier = \"edge\"", "tier")]
    [Arguments("name = \"notes\"", "name = \"notes\"\nnode = \"Orion\"", "node")]
    [Arguments("name = \"notes\"", "name = \"notes\"\nactive = \"yes\"", "active")]
    [Arguments("name = \"notes\"", "name = \"notes\"\nversion = 2", "version")]
    [Arguments("/etc/ssl:ro", "/etc/ssl:rx", "allow_host_paths[0]")]
    [Arguments("/etc/ssl:ro", "/", "allow_host_paths[0]")]
    [Arguments("/etc/ssl:ro", "/srv/other", "allow_host_paths[0]")]
    [Arguments("/etc/ssl:ro", "/run/user/1000", "allow_host_paths[0]")]
    [Arguments("/etc/ssl:ro", "/etc/../root", "allow_host_paths[0]")]
    [Arguments("name = \"web\"", "name = \"Web\"", "components[0].name")]
    [Arguments("name = \"web\"", "name = \"deploy\"", "components[0].name")]
    [Arguments("localhost/notes:v1", "localhost/notes", "components[0].image")]
    [Arguments("localhost/notes:v1", "localhost/notes:latest", "components[0].image")]
    [Arguments("localhost/notes:v1", "localhost/notes@sha256:abc", "components[0].image")]
    [Arguments("localhost/notes:v1", "Localhost/Notes:v1 --privileged", "components[0].image")]
    [Arguments("localhost/notes:v1", "--privileged", "components[0].image")]
    [Arguments("/srv/notes:/data", "/:/host", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/srv:/host", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/srv/mcp:/host", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/srv/mcp-master/ca:/host", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/srv/.mcp/aside:/host", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/srv/notesx:/host", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/srv/notes/../mcp:/host", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/srv/notes//x:/host", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/run/user/1000/podman/podman.sock:/s", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/var/run/docker.sock:/s", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/srv/notes/podman.sock:/s", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/proc:/p", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/sys/fs:/p", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/dev/sda:/p", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/etc/passwd:/p:ro", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/etc/ssl:/p", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "cache:/p", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/srv/notes:/", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/srv/notes:/proc/x", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data", "/srv/notes:/data:exec", "components[0].volumes[0]")]
    [Arguments("/srv/notes:/data\"", "/srv/notes:/data\", \"/srv/notes/x:/data\"", "components[0].volumes[1]")]
    public async Task A_spoiled_key_is_the_one_problem(string good, string bad, string key)
    {
        var problems = DefinitionReader.Read("f.toml", Good.Replace(good, bad, StringComparison.Ordinal)).Problems;
        await Assert.That(problems.Select(p => p.Key).Where(k => k != "components[0].volumes[0]" || key == k)).IsEquivalentTo([key]);
        await Assert.That(problems.All(p => p.Line > 0 && p.Column > 0)).IsTrue();
    }

    [Test]
    [Arguments("network = \"bridge\"", "network")]
    [Arguments("user = \"root;id\"", "user")]
    [Arguments("user = \"4294967295\"", "user")]
    [Arguments("restart = \"sometimes\"", "restart")]
    [Arguments("ports = [\"9000\"]", "ports[0]")]
    [Arguments("ports = [\":9000\"]", "ports[0]")]
    [Arguments("ports = [\"127.0.0.1::9000\"]", "ports[0]")]
    [Arguments("ports = [\"0:9000\"]", "ports[0]")]
    [Arguments("ports = [\"65536:9000\"]", "ports[0]")]
    [Arguments("ports = [\"-1:9000\"]", "ports[0]")]
    [Arguments("ports = [\"8000-8010:8000-8010\"]", "ports[0]")]
    [Arguments("ports = [\"localhost:9000:9000\"]", "ports[0]")]
    [Arguments("ports = [\"1:9000:9000\"]", "ports[0]")]
    [Arguments("ports = [\"[fe80::1%eth0]:9000:9000\"]", "ports[0]")]
    [Arguments("ports = [\"9000:9000/sctp\"]", "ports[0]")]
    [Arguments("ports = [\"9000:80\", \"0.0.0.0:9000:81\"]", "ports[1]")]
    [Arguments("ports = [\"8443:80\"]", "ports[0]")]
    [Arguments("ports = [\"0.0.0.0:9444:80\"]", "ports[0]")]
    [Arguments("network = \"host\"\nports = [\"9000:80\"]", "ports")]
    [Arguments("scratch = [\"cache\"]", "scratch[0]")]
    [Arguments("scratch = [\"/data\"]", "scratch[0]")]
    [Arguments("cmd = \"server --x\"", "cmd")]
    [Arguments("env = [\"NOVALUE\"]", "env[0]")]
    [Arguments("env = [\"A=1\\nB=2\"]", "env[0]")]
    [Arguments("env = [\"A=1\\u0000\"]", "env[0]")]
    [Arguments("env = [\"A B=1\"]", "env[0]")]
    [Arguments("env = [\"A=1\", \"A=2\"]", "env[1]")]
    [Arguments("env_files = [\"/etc/shadow\"]", "env_files[0]")]
    [Arguments("env_files = [\"/srv/notes\"]", "env_files[0]")]
    [Arguments("env_files = [\"/srv/notes/../mcp/x\"]", "env_files[0]")]
    [Arguments("env_files = [\"secrets.env\"]", "env_files[0]")]
    [Arguments("health = {type = \"ping\"}", "health.type")]
    [Arguments("health = {type = \"http\"}", "health.port")]
    [Arguments("health = {type = \"http\", port = 80, path = \"healthz\"}", "health.path")]
    [Arguments("health = {type = \"tcp\", port = 80, path = \"/x\"}", "health.path")]
    [Arguments("health = {type = \"exec\"}", "health.cmd")]
    [Arguments("health = {type = \"exec\", cmd = [\"x\"], port = 1}", "health.port")]
    [Arguments("health = {type = \"tcp\", port = 80, interval = \"1ms\"}", "health.interval")]
    [Arguments("health = {type = \"tcp\", port = 80, interval = \"9s\", timeout = \"3s\"}", "health.timeout")]
    [Arguments("health = {type = \"tcp\", port = 80, timeout = \"2d\"}", "health.timeout")]
    [Arguments("health = {type = \"tcp\", port = 80, timeout = 30}", "health.timeout")]
    [Arguments("health = {type = \"tcp\", port = 65536}", "health.port")]
    [Arguments("routes = [{mode = \"l7\"}]", "routes[0].port")]
    [Arguments("routes = [{port = 443}]", "routes[0].mode")]
    [Arguments("routes = [{port = 443, mode = \"tcp\"}]", "routes[0].mode")]
    [Arguments("routes = [{port = 0, mode = \"l7\"}]", "routes[0].port")]
    [Arguments("routes = [{port = 443, mode = \"l7\", container_port = 70000}]", "routes[0].container_port")]
    [Arguments("routes = [{port = 443, mode = \"l7\", hostname = \"*.example.org\"}]", "routes[0].hostname")]
    [Arguments("routes = [{port = 443, mode = \"l7\", hostname = \"10.0.0.1\"}]", "routes[0].hostname")]
    [Arguments("routes = [{port = 443, mode = \"l7\", hostname = \"bücher.example\"}]", "routes[0].hostname")]
    [Arguments("routes = [{port = 443, mode = \"l7\", public = true}]", "routes[0].public")]
    [Arguments("routes = [{port = 443, mode = \"l4\", public = true, hostname = \"a.example\"}]", "routes[0].public")]
    [Arguments("routes = [{name = \"A\", port = 443, mode = \"l4\"}]", "routes[0].name")]
    [Arguments("routes = [{name = \"a\", port = 443, mode = \"l4\"}, {name = \"a\", port = 8443, mode = \"l4\"}]", "routes[1].name")]
    [Arguments("routes = [{name = \"a\", port = 443, mode = \"l4\"}, {port = 8443, mode = \"l4\"}]", "routes[1].name")]
    [Arguments("routes = [{name = \"a\", port = 443, mode = \"l4\"}, {name = \"b\", port = 443, mode = \"l4\"}]", "routes[1].port")]
    [Arguments("env = [\"PORT=1\"]\nroutes = [{port = 443, mode = \"l4\"}]", "env[0]")]
    [Arguments("[[components]]\nname = \"web\"\nimage = \"x:1\"", "components[1].name")]
    [Arguments("[[components]]\nname = \"b\"\nimage = \"x:1\"\nports = [\"9000:1\"]\n[[components]]\nname = \"c\"\nimage = \"x:1\"\nports = [\"9000:2\"]", "components[2].ports[0]")]
    [Arguments("[snapshot]\nmethod = \"tar\"", "snapshot.method")]
    [Arguments("[snapshot]\nmethod = \"exec:\"", "snapshot.method")]
    [Arguments("[snapshot]\nmethod = \"exec: a | b\"", "snapshot.method")]
    [Arguments("[snapshot]\nmethod = \"exec: a $(id)\"", "snapshot.method")]
    [Arguments("[snapshot]\nmethod = \"exec: a 'b\"", "snapshot.method")]
    [Arguments("[snapshot]\nmethod = \"grpc\"", "snapshot.method")]
    [Arguments("[snapshot]\ncomponent = \"db\"", "snapshot.component")]
    [Arguments("[snapshot]\nexclude = [\"../x\"]", "snapshot.exclude[0]")]
    [Arguments("[snapshot]\nexclude = [\"/x\"]", "snapshot.exclude[0]")]
    [Arguments("[snapshot]\nexclude = [\".\"]", "snapshot.exclude[0]")]
    public async Task An_added_line_is_the_one_problem(string line, string key)
    {
        if (!line.StartsWith('['))
            key = "components[0]." + key;
        var problems = DefinitionReader.Read("f.toml", Good + "\n" + line + "\n").Problems;
        await Assert.That(problems.Select(p => p.Key)).IsEquivalentTo([key]);
    }

    [Test]
    public async Task Ten_thousand_patterns_are_too_many() =>
        await Assert.That(DefinitionReader.Read("f.toml", Good + "\n[snapshot]\nexclude = [" + string.Join(",", Enumerable.Range(0, 10_000).Select(i => $"\"p{i}\"")) + "]\n")
            .Problems.Single().Key).IsEqualTo("snapshot.exclude");

    [Test]
    public async Task The_master_may_be_a_service_only_as_the_contract_says()
    {
        const string master = "name = \"mcp-master\"\ntier = \"core\"\n[[components]]\nname = \"mcp-master\"\nimage = \"localhost/mcp:v1\"\nnetwork = \"host\"\nvolumes = [\"/srv/mcp-master:/srv/mcp-master\"]\n";
        await Assert.That(DefinitionReader.Read("f.toml", master).Problems).IsEmpty();
        await Assert.That(DefinitionReader.Read("f.toml", master.Replace("\"core\"", "\"worker\"", StringComparison.Ordinal)).Problems.Single().Key).IsEqualTo("tier");
        await Assert.That(DefinitionReader.Read("f.toml", master.Replace("\"host\"", "\"mcpnet\"", StringComparison.Ordinal)).Problems.Single().Key).IsEqualTo("components[0].network");
        await Assert.That(DefinitionReader.Read("f.toml", master.Replace("/srv/mcp-master:", "/srv/mcp:", StringComparison.Ordinal)).Problems.Single().Key).IsEqualTo("components[0].volumes[0]");
    }
}
