using Mcp.Errors;
using Mcp.Tests.Master;
using Mcp.Tests.Podman;
using Mcp.V1;

namespace Mcp.Tests.Agent.Adopting;

/// <summary>What can be owned and what cannot; podman is only ever asked. Real containers are adopted in the end-to-end tests.</summary>
internal sealed class AdoptionTests
{
    private const string Id = "c0ffee0000000000000000000000000000000000000000000000000000000001";

    private static string Container(string change = "", string with = "") => Flat("""
        {"Id":"ID","Name":"notes-web","Image":"1111","ImageName":"registry.example.net/notes:v1","State":{"Status":"running","Pid":1,"ConmonPid":1},
        "Config":{"Env":["PATH=/bin","TERM=xterm","A=1","LOG=info"],"Cmd":["serve"],"User":"5:6","Labels":{}},
        "Mounts":[{"Type":"bind","Source":"SRV/notes/data","Destination":"/data","RW":true}],
        "HostConfig":{"RestartPolicy":{"Name":"always"},"NetworkMode":"bridge","Tmpfs":{"/tmp":"rw"}},
        "NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"18080"}]},"Networks":{"podman":{"IPAddress":"10.88.0.2"}}}}
        """).Replace("\"ID\"", $"\"{Id}\"", StringComparison.Ordinal).Replace(change.Length == 0 ? "\u0001" : change, with, StringComparison.Ordinal);

    private static async Task<(FakePodman Podman, RealAgent Agent)> StartAsync()
    {
        var podman = new FakePodman()
            .On("GET", "containers/", 404, "{}")
            .On("GET", "containers/json", 200, "[]")
            .On("GET", "images/", 200, """{"Id":"1111","RepoTags":["registry.example.net/notes:v1"],"RepoDigests":[],"Config":{"Env":["PATH=/bin","A=1"],"Cmd":["run"]}}""");
        return (podman, await RealAgent.StartAsync(podman.SocketPath));
    }

    [Test]
    public async Task A_running_container_becomes_the_first_generation_and_podman_is_only_asked()
    {
        var (podman, agent) = await StartAsync();
        await using var fake = podman;
        await using var node = agent;
        var container = Container("SRV", agent.DataRoot);
        podman.On("GET", "containers/notes-web/json", 200, container).On("GET", $"containers/{Id}/json", 200, container);
        Directory.CreateDirectory(Path.Combine(agent.DataRoot, "notes", "data"));
        await File.WriteAllTextAsync(Path.Combine(agent.DataRoot, "notes", "data", "x"), "x");

        var adopted = await agent.Fleet.Admin.AdoptAsync(new AdoptRequest { ServiceName = "notes", Node = RealAgent.Node, Containers = { "notes-web" } }, MasterBench.Operation());
        var web = adopted.Spec.Components.Single();
        await Assert.That((web.Name, web.Image, web.User, web.Restart, web.Network)).IsEqualTo(("web", "registry.example.net/notes:v1", "5:6", "always", ""));
        await Assert.That(web.Ports).IsEquivalentTo(["127.0.0.1:18080:80"]);
        await Assert.That(web.Volumes).IsEquivalentTo(["/srv/notes/data:/data"]);
        await Assert.That(web.Scratch).IsEquivalentTo(["/tmp"]);
        await Assert.That(web.Cmd).IsEquivalentTo(["serve"]);
        await Assert.That(web.Env).IsEquivalentTo(["LOG=info"]);
        await Assert.That((adopted.Generation, adopted.Differences.Count)).IsEqualTo((1ul, 0));

        var status = await agent.Local.GetServiceStatusAsync(new GetServiceStatusRequest { Service = "notes" });
        await Assert.That((status.Epoch, status.Containers[0].Id, status.Containers[0].Drift)).IsEqualTo((1ul, Id, false));
        await Assert.That(File.Exists(Path.Combine(agent.DataRoot, "notes", ".mcp-owner"))).IsTrue();
        await Assert.That((await agent.Fleet.Admin.ListAsync(new ListRequest())).Services.Single().Generation).IsEqualTo(1ul);
        var again = await agent.Fleet.Admin.AdoptAsync(new AdoptRequest { ServiceName = "notes", Node = RealAgent.Node, Containers = { "notes-web" } }, MasterBench.Operation());
        await Assert.That((again.AlreadyDone, again.Generation)).IsEqualTo((true, 1ul));
        await Assert.That(podman.Requests.Where(r => r.Method != "GET")).IsEmpty();
    }

    [Test]
    public async Task A_definition_that_says_otherwise_is_told_where_and_values_of_env_stay_hidden()
    {
        var (podman, agent) = await StartAsync();
        await using var fake = podman;
        await using var node = agent;
        var container = Container("SRV", agent.DataRoot);
        podman.On("GET", "containers/notes-web/json", 200, container).On("GET", $"containers/{Id}/json", 200, container);
        var spec = new ServiceSpec
        {
            Name = "notes",
            Active = true,
            Components = { new ComponentSpec { Name = "web", Image = "registry.example.net/notes:v2", User = "5:6", Restart = "always", Ports = { "127.0.0.1:18080:80" }, Volumes = { "/srv/notes/data:/data" }, Scratch = { "/tmp" }, Cmd = { "serve" }, Env = { "LOG=secret" } } },
        };
        var adopted = await agent.Local.AdoptContainersAsync(new AdoptContainersRequest { Spec = spec }, MasterBench.Operation());
        await Assert.That(adopted.Differences).IsEquivalentTo([
            "notes-web: image: registry.example.net/notes:v1 runs, registry.example.net/notes:v2 is wanted",
            "notes-web: env: LOG has another value, or none, in the container",
        ]);
    }

    public static IEnumerable<(string Name, string Change, string With, string Says)> Refused()
    {
        yield return ("not running", "\"Status\":\"running\"", "\"Status\":\"exited\"", "it is exited");
        yield return ("paused", "\"Status\":\"running\"", "\"Status\":\"paused\"", "it is paused");
        yield return ("another name behind an id prefix", "\"Name\":\"notes-web\"", "\"Name\":\"other\"", "no container called notes-web");
        yield return ("another service's", "\"Labels\":{}", "\"Labels\":{\"mcp.service\":\"wiki\",\"mcp.component\":\"web\",\"mcp.node\":\"orion\"}", "belongs to wiki on orion");
        yield return ("another fleet's node", "\"Labels\":{}", "\"Labels\":{\"mcp.service\":\"notes\",\"mcp.component\":\"web\",\"mcp.node\":\"vega\"}", "belongs to notes on vega");
        yield return ("one hostile label", "\"Labels\":{}", "\"Labels\":{\"mcp.spec-hash\":\"\\u001b[2J\"}", "belongs to something else");
        yield return ("a named volume", "\"Type\":\"bind\"", "\"Type\":\"volume\",\"Name\":\"old\"", "volume old");
        yield return ("another service's data", "/notes/data\"", "/wiki/data\"", "");
        yield return ("the host's root", "SRV/notes/data", "/", "");
        yield return ("an address that policy forbids", "127.0.0.1", "0.0.0.0", "");
        yield return ("no tag", "notes:v1", "notes", "");
    }

    [Test]
    public async Task What_cannot_be_owned_is_refused_and_left_alone()
    {
        var (podman, agent) = await StartAsync();
        await using var fake = podman;
        await using var node = agent;
        foreach (var (name, change, with, says) in Refused())
        {
            var container = Container(change, with).Replace("SRV", agent.DataRoot, StringComparison.Ordinal);
            podman.On("GET", "containers/notes-web/json", 200, container).On("GET", $"containers/{Id}/json", 200, container);
            var fault = await Assert.That(async () => await agent.Local.AdoptContainersAsync(new AdoptContainersRequest { Service = "notes", Containers = { "notes-web" } }, MasterBench.Operation())).Throws<McpException>().Because(name);
            await Assert.That($"{fault!.Message} {fault.Cause}").Contains(says).Because(name);
            await Assert.That(fault.Describe().Any(c => char.IsControl(c) && c != '\n')).IsFalse().Because(name);
        }
        foreach (var (service, container) in new[] { ("notes", "other"), ("notes", "notes-"), ("notes", "notes-a/b"), ("notes", "notesweb"), ("mcp", "mcp"), ("mcp-proxy", "mcp-proxy") })
            await Assert.That(async () => await agent.Local.AdoptContainersAsync(new AdoptContainersRequest { Service = service, Containers = { container } }, MasterBench.Operation())).Throws<McpException>().Because(container);
        await Assert.That((await agent.Local.ListServicesAsync(new ListServicesRequest())).Services).IsEmpty();
        await Assert.That((await agent.Local.ListDataAsync(new ListDataRequest())).Records).IsEmpty();
        await Assert.That(podman.Requests.Where(r => r.Method != "GET")).IsEmpty();
    }

    private static string Flat(string text) => text.Replace("\n", "", StringComparison.Ordinal);
}
