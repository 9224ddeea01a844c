using System.Text.Json;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Cli;

/// <summary>
/// Health checks of type exec and grpc on real containers, through the whole road from a definition to podman: one that becomes healthy is
/// deployed, one that never does is put back to what ran before. The gRPC service is the demo image, which is this very file.
/// </summary>
internal sealed class HealthTypeTests
{
    [Test]
    public async Task Healthy_is_deployed_and_never_healthy_is_put_back()
    {
        await using var fleet = await DevFleet.StartAsync();
        await Task.WhenAll(ExecAsync(fleet), GrpcAsync(fleet));
    }

    private static async Task ExecAsync(DevFleet fleet)
    {
        var name = fleet.Unique("byexec");
        string Definition(string start, string check) => $"""
            name = "{name}"
            [[components]]
            name  = "{name}"
            image = "{TestPodman.BusyboxImage}"
            cmd   = ["sh", "-c", "{start} trap 'exit 0' TERM; while :; do sleep 0.1; done"]
            [components.health]
            type = "exec"
            cmd = {check}
            interval = "200ms"
            timeout = "6s"
            """;
        // Ready only some time after the start: the check is asked more than once.
        await DeployedAsync(fleet, name, Definition("sleep 1; touch /tmp/ready;", """["test", "-f", "/tmp/ready"]"""));
        await PutBackAsync(fleet, name, Definition("true;", """["sh", "-c", "echo no cheese today; exit 3"]"""), "the command ended with 3: no cheese today");
        await PutBackAsync(fleet, name, Definition("true;", """["/no/such/program"]"""), "/no/such/program");
    }

    private static async Task GrpcAsync(DevFleet fleet)
    {
        var name = fleet.Unique("bygrpc");
        // The image that mcp dev has just loaded: its name is in the definition of the demo.
        var image = (await File.ReadAllLinesAsync(Path.Combine(fleet.Folder, "cli/services/hello.toml"))).Single(line => line.StartsWith("image ", StringComparison.Ordinal));
        string Definition(string more, int port) => $"""
            name = "{name}"
            [[components]]
            name  = "{name}"
            {image}
            cmd   = ["demo-server", "--grpc-port", "9090"{more}]
            scratch = ["/data"]
            [components.health]
            type = "grpc"
            port = {port}
            interval = "200ms"
            timeout = "6s"
            """;
        await DeployedAsync(fleet, name, Definition("", 9090));
        await PutBackAsync(fleet, name, Definition(", \"--not-serving\"", 9090), "not SERVING");
        // Somebody is there who speaks no gRPC.
        await PutBackAsync(fleet, name, Definition(", \"--data\", \"/tmp\"", 8080), "did not become healthy");
    }

    private static async Task DeployedAsync(DevFleet fleet, string name, string definition)
    {
        var deployed = (await fleet.RunAsync("deploy", name, "-f", fleet.Define(name, definition))).OrThrow();
        await Assert.That(deployed.Output).Contains("generation 1");
        // Empty where the container was too slow for the one who looks.
        var health = "";
        await Wait.UntilAsync("it says how it is", async () =>
        {
            using var seen = JsonDocument.Parse((await fleet.RunAsync("ps", name, "--json")).OrThrow().Output);
            health = seen.RootElement.GetProperty("containers")[0].GetProperty("health").GetString();
            return health is { Length: > 0 };
        });
        await Assert.That(health).IsEqualTo("healthy");
    }

    private static async Task PutBackAsync(DevFleet fleet, string name, string definition, string reason)
    {
        var before = await ContainersAsync(name);
        var refused = await fleet.RunAsync("deploy", name, "-f", fleet.Define(name, definition));
        await Assert.That(refused.ExitCode).IsEqualTo(1).Because(refused.ToString());
        await Assert.That(refused.Errors).Contains(reason);
        await Assert.That(refused.Errors).Contains("runs as before");
        // The very same container, running, and no other.
        await Assert.That(await ContainersAsync(name)).IsEqualTo(before);
    }

    // All of them, and which of them run.
    private static async Task<string> ContainersAsync(string service)
    {
        var lists = new List<string>();
        foreach (var all in new[] { "--all=true", "--all=false" })
            lists.Add((await TestPodman.RunAsync(["ps", all, "--no-trunc", "--filter", $"label=mcp.service={service}", "--format", "{{.ID}} {{.Names}}"])).OrThrow().Output);
        return string.Join("running:\n", lists);
    }
}
