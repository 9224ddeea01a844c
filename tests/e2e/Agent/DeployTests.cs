using Mcp.EndToEnd.Harness;
using Mcp.Errors;
using Mcp.V1;
using ContainerState = Mcp.Podman.ContainerStatus;

namespace Mcp.EndToEnd.Agent;

/// <summary>Deploys on real podman: first, again, changed, failing, killed.</summary>
internal sealed class DeployTests
{
    private static string Definition(string name, string extra = "", string command = "\"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/srv/data\"") => $"""
        name = "{name}"
        [[components]]
        name = "web"
        image = "{TestPodman.BusyboxImage}"
        volumes = ["/srv/{name}/data:/srv/data"]
        cmd = [{command}]
        {extra}
        [[components.routes]]
        name = "main"
        port = 8443
        mode = "l7"
        container_port = 8080
        """;

    private const string Healthy = "[components.health]\ntype = \"http\"\nport = 8080\npath = \"/\"\ninterval = \"200ms\"\ntimeout = \"15s\"";

    [Test]
    public async Task First_again_and_changed()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        Directory.CreateDirectory(Path.Combine(bench.DataRoot, name, "data"));
        await File.WriteAllTextAsync(Path.Combine(bench.DataRoot, name, "data", "index.html"), "hello");

        var first = await bench.DeployAsync(AgentBench.Spec(Definition(name, Healthy)));
        await Assert.That(first.Generation).IsEqualTo(1UL);
        await Assert.That(first.Components.Single().Action).IsEqualTo("created");
        var port = first.Ports.Single(p => p.Route == "main").HostPort_;
        await Assert.That(await AnswerAsync(port)).IsEqualTo("hello");

        var again = await bench.DeployAsync(AgentBench.Spec(Definition(name, Healthy)));
        await Assert.That(again.Unchanged).IsTrue();
        await Assert.That(again.Components.Single().ContainerId).IsEqualTo(first.Components.Single().ContainerId);

        var changed = await bench.DeployAsync(AgentBench.Spec(Definition(name, "env = [\"A=1\"]\n" + Healthy)));
        await Assert.That(changed.Generation).IsEqualTo(2UL);
        await Assert.That(changed.Components.Single().Action).IsEqualTo("replaced");
        await Assert.That(changed.Ports.Single(p => p.Route == "main").HostPort_).IsEqualTo(port);
        await Assert.That(await AnswerAsync(port)).IsEqualTo("hello");
        await Assert.That((await bench.ContainersAsync(name)).Count).IsEqualTo(1);
    }

    [Test]
    public async Task A_failing_one_is_put_back_and_says_why()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        var first = await bench.DeployAsync(AgentBench.Spec(Definition(name)));

        var fault = await Assert.That(async () => await bench.DeployAsync(AgentBench.Spec(Definition(name, command: "\"sh\", \"-c\", \"echo out of cheese; exit 3\"")))).Throws<McpException>();

        await Assert.That(fault!.Cause).Contains("out of cheese");
        // Where podman's restart policy was faster than the look, the code is gone; never is it said to be another.
        await Assert.That(fault.Cause!.Contains("exit code 3", StringComparison.Ordinal) || fault.Cause.Contains("was started again by its restart policy;", StringComparison.Ordinal)).IsTrue().Because(fault.Cause);
        await Assert.That(fault.State).Contains("runs as before");
        var left = (await bench.ContainersAsync(name)).Single();
        await Assert.That(left.Id).IsEqualTo(first.Components.Single().ContainerId);
        await Assert.That(left.Name).IsEqualTo($"{name}-web");
        await Assert.That(left.Status).IsEqualTo(ContainerState.Running);
        await Assert.That(bench.Parts.Services.Find(name)!.Generation).IsEqualTo(1UL);
    }

    [Test]
    public async Task A_failed_first_one_leaves_nothing()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        await Assert.That(async () => await bench.DeployAsync(AgentBench.Spec(Definition(name, command: "\"false\"")))).Throws<McpException>();
        await Assert.That(await bench.ContainersAsync(name)).IsEmpty();
        await Assert.That(await bench.Podman.InspectNetworkAsync($"mcp-{name}", CancellationToken.None)).IsNull();
        await Assert.That(bench.Parts.Routes.Of(name)).IsEmpty();
        await Assert.That(bench.Parts.Data.Find(name)).IsNull();
        await Assert.That(Directory.Exists(Path.Combine(bench.DataRoot, name))).IsFalse();
    }

    [Test]
    public async Task The_same_id_is_the_same_deploy()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        var id = Guid.NewGuid().ToString("D");
        var both = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => bench.DeployAsync(AgentBench.Spec(Definition(name)), r => r.SeenGeneration = 0, id)));
        await Assert.That(both.Select(r => r.Components.Single().ContainerId).Distinct().Count()).IsEqualTo(1);
        await bench.RestartAsync();
        var later = await bench.DeployAsync(AgentBench.Spec(Definition(name)), r => r.SeenGeneration = 0, id);
        await Assert.That(later.AlreadyDone).IsTrue();
        await Assert.That((await bench.ContainersAsync(name)).Count).IsEqualTo(1);
    }

    [Test]
    public async Task Undeploy_keeps_the_data_and_the_next_deploy_finds_it()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        var spec = AgentBench.Spec(Definition(name));
        await bench.DeployAsync(spec);
        await File.WriteAllTextAsync(Path.Combine(bench.DataRoot, name, "data", "index.html"), "kept");
        var gone = await bench.Agent.Operations.UndeployAsync(AgentBench.Asker(), new UndeployServiceRequest { Service = name }, CancellationToken.None);
        await Assert.That(gone.Data.Epoch).IsEqualTo(1UL);
        await Assert.That(await bench.ContainersAsync(name)).IsEmpty();
        var back = await bench.DeployAsync(spec);
        await Assert.That(back.Generation).IsEqualTo(2UL);
        await Assert.That(await AnswerAsync(back.Ports.Single(p => p.Route == "main").HostPort_)).IsEqualTo("kept");
    }

    [Test]
    public async Task Data_that_is_missing_or_foreign_stops_a_start()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        var spec = AgentBench.Spec(Definition(name));
        await bench.DeployAsync(spec);
        await bench.Agent.Operations.UndeployAsync(AgentBench.Asker(), new UndeployServiceRequest { Service = name }, CancellationToken.None);
        Directory.Move(Path.Combine(bench.DataRoot, name), Path.Combine(bench.DataRoot, name + "-away"));
        var missing = await Assert.That(async () => await bench.DeployAsync(spec)).Throws<McpException>();
        await Assert.That(missing!.Hint).Contains("--fresh");
        var lower = await Assert.That(async () => await bench.DeployAsync(spec, r => r.Epoch = 5)).Throws<McpException>();
        await Assert.That(lower!.Code).IsEqualTo(FaultCode.FailedPrecondition);
        var fresh = await bench.DeployAsync(spec, r => (r.Fresh, r.Epoch, r.VolumeId) = (true, 2, Guid.NewGuid().ToString("D")));
        await Assert.That(fresh.Epoch).IsEqualTo(2UL);
        var old = await Assert.That(async () => await bench.DeployAsync(spec)).Throws<McpException>();
        await Assert.That(old!.Cause).Contains("lower epoch");
    }

    [Test]
    public async Task Stop_start_and_a_container_that_was_removed_behind_our_back()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        var spec = AgentBench.Spec(Definition(name));
        var port = (await bench.DeployAsync(spec)).Ports.Single(p => p.Route == "main").HostPort_;
        await bench.Agent.Operations.StopAsync(AgentBench.Asker(), new StopServiceRequest { Service = name }, CancellationToken.None);
        await bench.RestartAsync();
        await Assert.That((await bench.ContainersAsync(name)).Single().Status).IsEqualTo(ContainerState.Exited);
        await bench.Podman.RemoveContainerAsync((await bench.ContainersAsync(name)).Single().Id, CancellationToken.None, force: true);
        await bench.Agent.Operations.StartAsync(AgentBench.Asker(), new StartServiceRequest { Service = name }, CancellationToken.None);
        await Assert.That((await bench.ContainersAsync(name)).Single().Status).IsEqualTo(ContainerState.Running);
        await Assert.That((await bench.DeployAsync(spec)).Unchanged).IsTrue();
        await Assert.That(bench.Parts.Routes.Of(name).Values.Single()).IsEqualTo((int)port);
    }

    [Test]
    public async Task A_name_that_is_taken_is_refused_and_left_alone()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        (await TestPodman.RunAsync(["create", "--name", $"{name}-web", TestPodman.BusyboxImage, "true"])).OrThrow();
        try
        {
            var fault = await Assert.That(async () => await bench.DeployAsync(AgentBench.Spec(Definition(name)))).Throws<McpException>();
            await Assert.That(fault!.Code).IsEqualTo(FaultCode.AlreadyExists);
            await Assert.That(await bench.Podman.InspectContainerAsync($"{name}-web", CancellationToken.None)).IsNotNull();
        }
        finally
        {
            await TestPodman.RunAsync(["rm", "-f", $"{name}-web"]);
        }
    }

    private static async Task<string> AnswerAsync(uint port)
    {
        using var client = new HttpClient();
        return (await client.GetStringAsync(new Uri($"http://127.0.0.1:{port}/"))).Trim();
    }
}
