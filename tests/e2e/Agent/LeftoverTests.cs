using Mcp.EndToEnd.Harness;
using Mcp.V1;
using ContainerState = Mcp.Podman.ContainerStatus;

namespace Mcp.EndToEnd.Agent;

/// <summary>An old container that podman does not remove is no failed deploy: it is told, and it goes when podman lets it go.</summary>
internal sealed class LeftoverTests
{
    [Test]
    public async Task An_old_container_that_stays_is_told_and_goes_at_the_next_chance()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        var refuses = false;
        using var proxy = new PodmanProxy(bench.PathOf("refusing.sock"), bench.PodmanSocket, line =>
            Volatile.Read(ref refuses) && line.StartsWith("DELETE ", StringComparison.Ordinal) && line.Contains("/containers/", StringComparison.Ordinal) ? Passage.Refuse : Passage.Pass);
        await bench.RestartAsync(proxy.Path);
        await bench.DeployAsync(Spec(name, 1));

        Volatile.Write(ref refuses, true);
        var second = await bench.DeployAsync(Spec(name, 2));
        await Assert.That(second.Generation).IsEqualTo(2UL);
        await Assert.That(Told(second)).Contains("could not be removed yet");
        await Assert.That(await StatesAsync(bench, name)).IsEquivalentTo([$"{name}-web Running", $"{name}-web.mcp-old-1 Exited"]);
        await Assert.That(bench.Parts.Operations.Open()).IsEmpty();

        // The next deploy.
        Volatile.Write(ref refuses, false);
        var third = await bench.DeployAsync(Spec(name, 3));
        await Assert.That(Told(third)).IsEmpty();
        await Assert.That(await StatesAsync(bench, name)).IsEquivalentTo([$"{name}-web Running"]);

        // The agent's start.
        Volatile.Write(ref refuses, true);
        await bench.DeployAsync(Spec(name, 4));
        Volatile.Write(ref refuses, false);
        await bench.RestartAsync(proxy.Path);
        await Assert.That(await StatesAsync(bench, name)).IsEquivalentTo([$"{name}-web Running"]);

        // The undeploy.
        Volatile.Write(ref refuses, true);
        await bench.DeployAsync(Spec(name, 5));
        Volatile.Write(ref refuses, false);
        await bench.Agent.Operations.UndeployAsync(AgentBench.Asker(), new UndeployServiceRequest { Service = name }, CancellationToken.None);
        await Assert.That(await StatesAsync(bench, name)).IsEmpty();
    }

    private static string Told(AgentDeployResult result) => result.Steps.Single(s => s.Step == "clean" && s.Success).Error;

    private static async Task<string[]> StatesAsync(AgentBench bench, string name) =>
        [.. (await bench.ContainersAsync(name)).Select(c => $"{c.Name} {(c.Status == ContainerState.Running ? "Running" : "Exited")}")];

    private static ServiceSpec Spec(string name, int round) => AgentBench.Spec($"""
        name = "{name}"
        [[components]]
        name = "web"
        image = "{TestPodman.BusyboxImage}"
        cmd = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
        env = ["ROUND={round}"]
        """);
}
