using Mcp.EndToEnd.Harness;
using Mcp.Errors;
using Mcp.V1;
using ContainerState = Mcp.Podman.ContainerStatus;

namespace Mcp.EndToEnd.Agent;

/// <summary>
/// A deploy that ends at every one of its changing calls to podman, once before podman did it and once after. Whatever the point: the next start
/// leaves exactly one running copy under its right name, and the same deploy again converges with the same port.
/// </summary>
internal sealed class KilledDeployTests
{
    private static ServiceSpec Spec(string name, string version) => AgentBench.Spec($"""
        name = "{name}"
        [[components]]
        name = "web"
        image = "{TestPodman.BusyboxImage}"
        volumes = ["/srv/{name}/data:/srv/data"]
        env = ["VERSION={version}"]
        cmd = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"]
        [[components.routes]]
        name = "main"
        port = 8443
        mode = "l4"
        container_port = 8080
        [[components]]
        name = "worker"
        image = "{TestPodman.BusyboxImage}"
        env = ["VERSION={version}"]
        cmd = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"]
        """);

    [Test]
    [Arguments(false)]
    [Arguments(true)]
    public async Task At_every_change_of_a_redeploy(bool carriedOut)
    {
        for (var crashAt = 1; await RunAsync(crashAt, carriedOut, first: false); crashAt++)
            await Assert.That(crashAt).IsLessThan(60);
    }

    [Test]
    [Arguments(false)]
    [Arguments(true)]
    public async Task At_every_change_of_a_first_deploy(bool carriedOut)
    {
        for (var crashAt = 1; await RunAsync(crashAt, carriedOut, first: true); crashAt++)
            await Assert.That(crashAt).IsLessThan(60);
    }

    private static async Task<bool> RunAsync(int crashAt, bool carriedOut, bool first)
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        var port = first ? 0 : (int)(await bench.DeployAsync(Spec(name, "one"))).Ports.Single().HostPort_;

        var crashed = new TaskCompletionSource();
        var changes = 0;
        using var proxy = new PodmanProxy(bench.PathOf("proxy.sock"), bench.PodmanSocket, IsCutAt, () => crashed.TrySetResult());
        await bench.RestartAsync(proxy.Path);
        var deploy = bench.DeployAsync(Spec(name, "two"));
        await Task.WhenAny(deploy, crashed.Task);
        if (crashed.Task.IsCompleted)
            await bench.Parts.Runner.StopAsync(TimeSpan.FromSeconds(30));
        try
        {
            await deploy;
        }
        catch (McpException)
        {
            // It was killed.
        }
        await bench.RestartAsync();

        await Assert.That(bench.Parts.Operations.Open()).IsEmpty();
        var containers = await bench.ContainersAsync(name);
        if (bench.Parts.Services.Find(name) is { } service)
        {
            await Assert.That(containers.Select(c => c.Name).Order()).IsEquivalentTo([$"{name}-web", $"{name}-worker"]);
            await Assert.That(containers.All(c => c.Status == ContainerState.Running)).IsTrue();
            await Assert.That(containers.Select(c => c.Id).Order()).IsEquivalentTo(service.Components.Select(c => c.ContainerId).Order());
        }
        else
        {
            await Assert.That(first).IsTrue();
            await Assert.That(containers).IsEmpty();
            await Assert.That(bench.Parts.Routes.Of(name)).IsEmpty();
        }
        var again = await bench.DeployAsync(Spec(name, "two"));
        await Assert.That((await bench.ContainersAsync(name)).Count).IsEqualTo(2);
        if (!first)
            await Assert.That((int)again.Ports.Single().HostPort_).IsEqualTo(port);
        return proxy.IsCut;

        Passage IsCutAt(string line) => line.StartsWith("POST ", StringComparison.Ordinal) || line.StartsWith("DELETE ", StringComparison.Ordinal)
            ? Interlocked.Increment(ref changes) == crashAt ? carriedOut ? Passage.CutAfter : Passage.CutBefore : Passage.Pass
            : Passage.Pass;
    }
}
