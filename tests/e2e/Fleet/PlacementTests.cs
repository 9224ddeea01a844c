using System.Text.Json;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Fleet;

/// <summary>Where services go on a fleet that was set up by hand: a master's node, two workers, an edge.</summary>
internal sealed class PlacementTests
{
    [Test]
    public async Task Services_go_where_the_contract_says_and_stay_there()
    {
        await using var fleet = await JoinedFleet.StartAsync(["w1", "w2"], ["edge"]);

        // Six deploys in a row spread evenly over the two workers.
        for (var i = 1; i <= 6; i++)
            (await fleet.DeployAsync($"s{i}", Definition($"s{i}"))).OrThrow();
        var placed = await PlacementAsync(fleet);
        await Assert.That(placed.Values.Count(node => node == "w1")).IsEqualTo(3);
        await Assert.That(placed.Values.Count(node => node == "w2")).IsEqualTo(3);

        // Podman on the nodes agrees with what the master says.
        foreach (var (service, node) in placed)
        {
            var running = (await fleet.Box[node].RunAsync("podman", "ps", "--format", "{{.Names}}", "--filter", $"name=^{service}$")).OrThrow();
            await Assert.That(running.Output.Trim()).IsEqualTo(service);
        }

        // A changed definition is deployed where the service is, although the other worker is no fuller.
        (await fleet.DeployAsync("s1", Definition("s1", extra: "env = [\"A=1\"]"))).OrThrow();
        await Assert.That((await PlacementAsync(fleet))["s1"]).IsEqualTo(placed["s1"]);

        // An identical one changes nothing.
        var before = await ContainerAsync(fleet, placed["s2"], "s2");
        (await fleet.DeployAsync("s2", Definition("s2"))).OrThrow();
        await Assert.That(await ContainerAsync(fleet, placed["s2"], "s2")).IsEqualTo(before);

        // Pinned goes where it says; core goes to the master's node.
        (await fleet.DeployAsync("pinned", Definition("pinned", "node = \"w2\""))).OrThrow();
        (await fleet.DeployAsync("vital", Definition("vital", "tier = \"core\""))).OrThrow();
        placed = await PlacementAsync(fleet);
        await Assert.That(placed["pinned"]).IsEqualTo("w2");
        await Assert.That(placed["vital"]).IsEqualTo(JoinedFleet.MasterNode);

        // The edge has nothing, and a pin to it is refused with its name and the reason.
        await Assert.That(placed.Values).DoesNotContain("edge");
        var refused = await fleet.DeployAsync("outside", Definition("outside", "node = \"edge\""));
        await Assert.That(refused.ExitCode).IsEqualTo(1);
        await Assert.That(refused.Errors).Contains("edge");
        await Assert.That(refused.Errors).Contains("edge node");

        await TheExampleOfTheReadmeAsync(fleet);

        // With no worker left to choose, every node is named with the reason why it was refused.
        (await fleet.RunAsync("node", "cordon", "w1")).OrThrow();
        (await fleet.RunAsync("node", "cordon", "w2")).OrThrow();
        (await fleet.RunAsync("node", "cordon", JoinedFleet.MasterNode)).OrThrow();
        var nowhere = await fleet.DeployAsync("nowhere", Definition("nowhere"));
        await Assert.That(nowhere.ExitCode).IsEqualTo(1);
        foreach (var node in fleet.Box.Nodes)
            await Assert.That(nowhere.Errors).Contains(node.Name);
        await Assert.That(nowhere.Errors).Contains("cordoned");
        await Assert.That(nowhere.Errors).Contains("edge");
    }

    // The lines of README.md that follow the joining; the image that its example names is nobody's, so the definition is another.
    private static async Task TheExampleOfTheReadmeAsync(JoinedFleet fleet)
    {
        foreach (var line in ReadmeExample.Afterwards)
        {
            var result = (await fleet.TypeAsync(line)).OrThrow();
            if (line.StartsWith("mcp service new notes", StringComparison.Ordinal))
                await File.WriteAllTextAsync(Path.Combine(fleet.ConfigurationFolder, "services/notes.toml"), Definition("notes"));
            else if (line.StartsWith("mcp status", StringComparison.Ordinal))
                await Assert.That(result.Output).Contains("notes");
        }
    }

    private static string Definition(string name, string head = "", string extra = "") => $"""
        name = "{name}"
        {head}

        [[components]]
        name = "{name}"
        image = "{TestPodman.BusyboxImage}"
        user = "0:0"
        cmd = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"]
        volumes = ["/srv/{name}:/srv/{name}"]
        {extra}
        """;

    /// <summary>Node by service, as <c>mcp ps</c> sees what runs.</summary>
    private static async Task<Dictionary<string, string>> PlacementAsync(JoinedFleet fleet)
    {
        using var document = JsonDocument.Parse((await fleet.RunAsync("ps", "--json")).OrThrow().Output);
        return document.RootElement.GetProperty("containers").EnumerateArray()
            .Where(c => c.GetProperty("state").GetString() == "running")
            .ToDictionary(c => c.GetProperty("service").GetString()!, c => c.GetProperty("node").GetString()!);
    }

    private static async Task<string> ContainerAsync(JoinedFleet fleet, string node, string name) =>
        (await fleet.Box[node].RunAsync("podman", "inspect", "--format", "{{.Id}} {{.State.StartedAt}}", name)).OrThrow().Output;
}
