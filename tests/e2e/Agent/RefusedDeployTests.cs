using System.Net;
using System.Net.Sockets;
using System.Text;
using Mcp.EndToEnd.Harness;
using Mcp.Errors;
using Mcp.V1;
using ContainerState = Mcp.Podman.ContainerStatus;

namespace Mcp.EndToEnd.Agent;

/// <summary>Deploys that must be refused, clearly and before anything that ran is touched; and a podman that is away, broken or slow.</summary>
internal sealed class RefusedDeployTests
{
    private const string Sleeper = "cmd = [\"sh\", \"-c\", \"trap 'exit 0' TERM; while true; do sleep 0.1; done\"]";

    private static ServiceSpec Spec(string name, string extra = "", string image = TestPodman.BusyboxImage, string more = "") => AgentBench.Spec($"""
        name = "{name}"
        [[components]]
        name = "web"
        image = "{image}"
        {Sleeper}
        {extra}
        {more}
        """);

    /// <summary>Deploys a good one, then the bad one: the good one must still run, the same container as before.</summary>
    private static async Task<McpException> RefusedAsync(AgentBench bench, string name, ServiceSpec bad)
    {
        var good = await bench.DeployAsync(Spec(name));
        var fault = await Assert.That(async () => await bench.DeployAsync(bad)).Throws<McpException>();
        var left = (await bench.ContainersAsync(name)).Single();
        await Assert.That(left.Id).IsEqualTo(good.Components.Single().ContainerId);
        await Assert.That(left.Status).IsEqualTo(ContainerState.Running);
        await Assert.That(left.Name).IsEqualTo($"{name}-web");
        await Assert.That(bench.Parts.Operations.Open()).IsEmpty();
        return fault!;
    }

    [Test]
    public async Task A_bad_image_name()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        var fault = await RefusedAsync(bench, name, Spec(name, image: "localhost/nobody/has-this:1"));
        await Assert.That(fault.Code).IsEqualTo(FaultCode.NotFound);
        await Assert.That(fault.Step).IsEqualTo("images");
        await Assert.That(fault.Hint).IsNotNull();
    }

    [Test]
    public async Task A_registry_that_nobody_is_behind()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        var fault = await RefusedAsync(bench, name, Spec(name, image: "127.0.0.1:1/nobody:1"));
        await Assert.That(fault.Step).IsEqualTo("images");
        await Assert.That(fault.Cause).Contains("127.0.0.1:1");
    }

    [Test]
    public async Task A_port_that_another_process_has()
    {
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        other.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        other.Listen(1);
        var port = ((IPEndPoint)other.LocalEndPoint!).Port;
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        var fault = await RefusedAsync(bench, name, Spec(name, $"ports = [\"{port}:80\"]"));
        await Assert.That(fault.Message).Contains($"port {port}");
        await Assert.That(fault.Hint).Contains("ss -l");
    }

    [Test]
    public async Task A_port_and_a_container_name_that_another_service_has()
    {
        await using var bench = await AgentBench.StartAsync();
        var one = bench.NewService();
        var port = FreePort();
        await bench.DeployAsync(Spec(one, $"ports = [\"{port}:80\"]"));
        var name = bench.NewService();
        var fault = await RefusedAsync(bench, name, Spec(name, $"ports = [\"{port}:80\"]"));
        await Assert.That(fault.Code).IsEqualTo(FaultCode.AlreadyExists);
        await Assert.That(fault.Message).Contains(one);
        var twin = AgentBench.Spec($"name = \"{one}-web\"\n[[components]]\nname = \"{one}-web\"\nimage = \"{TestPodman.BusyboxImage}\"\n");
        var collision = await Assert.That(async () => await bench.DeployAsync(twin)).Throws<McpException>();
        await Assert.That(collision!.Message).Contains(one);
    }

    [Test]
    public async Task The_hosts_network_and_a_path_of_the_host_without_a_policy()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        var fault = await RefusedAsync(bench, name, Spec(name, "network = \"host\""));
        await Assert.That(fault.Problems).IsNotEmpty();
    }

    [Test]
    public async Task Env_files_are_secret_followed_by_a_redeploy_and_refused_when_others_may_read()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        var folder = Directory.CreateDirectory(Path.Combine(bench.DataRoot, name));
        var file = Path.Combine(folder.FullName, "secrets.env");
        await File.WriteAllTextAsync(file, "# a comment\nPASSWORD=one\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var spec = Spec(name, $"env_files = [\"/srv/{name}/secrets.env\"]");
        var first = await bench.DeployAsync(spec);
        await Assert.That((await bench.Podman.InspectContainerAsync(first.Components.Single().ContainerId, CancellationToken.None))!.Environment).Contains("PASSWORD=one");
        await Assert.That((await bench.DeployAsync(spec)).Unchanged).IsTrue();
        await File.WriteAllTextAsync(file, "PASSWORD=two\n");
        var second = await bench.DeployAsync(spec);
        await Assert.That(second.Components.Single().Action).IsEqualTo("replaced");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        var fault = await Assert.That(async () => await bench.DeployAsync(spec)).Throws<McpException>();
        await Assert.That(fault!.Hint).Contains("chmod 0600");
        File.Delete(file);
        File.CreateSymbolicLink(file, "/etc/shadow");
        var link = await Assert.That(async () => await bench.DeployAsync(spec)).Throws<McpException>();
        await Assert.That(link!.Message).Contains("cannot be used");
    }

    [Test]
    public async Task One_of_two_components_fails_and_both_go_back()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        ServiceSpec Two(string version, string last) => Spec(name, $"env = [\"V={version}\"]", more: $"[[components]]\nname = \"worker\"\nimage = \"{TestPodman.BusyboxImage}\"\nenv = [\"V={version}\"]\n{last}");
        var good = await bench.DeployAsync(Two("1", Sleeper));
        var fault = await Assert.That(async () => await bench.DeployAsync(Two("2", "cmd = [\"sh\", \"-c\", \"echo broken >&2; exit 1\"]"))).Throws<McpException>();
        await Assert.That(fault!.Cause).Contains("broken");
        var left = await bench.ContainersAsync(name);
        await Assert.That(left.Select(c => c.Id).Order()).IsEquivalentTo(good.Components.Select(c => c.ContainerId).Order());
        await Assert.That(left.All(c => c.Status == ContainerState.Running)).IsTrue();
        await Assert.That(left.Select(c => c.Name).Order()).IsEquivalentTo([$"{name}-web", $"{name}-worker"]);
    }

    [Test]
    public async Task A_component_that_the_definition_has_no_more_is_removed()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        await bench.DeployAsync(Spec(name, more: $"[[components]]\nname = \"worker\"\nimage = \"{TestPodman.BusyboxImage}\"\n{Sleeper}"));
        var result = await bench.DeployAsync(Spec(name));
        await Assert.That(result.Components.Single(c => c.Component == "worker").Action).IsEqualTo("removed");
        await Assert.That(result.Components.Single(c => c.Component == "web").Action).IsEqualTo("unchanged");
        await Assert.That((await bench.ContainersAsync(name)).Single().Name).IsEqualTo($"{name}-web");
    }

    [Test]
    public async Task A_component_alone_only_when_the_others_are_the_same()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        ServiceSpec Two(string web, string worker) => Spec(name, $"env = [\"V={web}\"]", more: $"[[components]]\nname = \"worker\"\nimage = \"{TestPodman.BusyboxImage}\"\nenv = [\"V={worker}\"]\n{Sleeper}");
        await bench.DeployAsync(Two("1", "1"));
        var alone = await bench.DeployAsync(Two("2", "1"), r => r.Component = "web");
        await Assert.That(alone.Components.Select(c => $"{c.Component} {c.Action}")).IsEquivalentTo(["web replaced", "worker unchanged"]);
        var fault = await Assert.That(async () => await bench.DeployAsync(Two("3", "3"), r => r.Component = "web")).Throws<McpException>();
        await Assert.That(fault!.Message).Contains("worker");
    }

    [Test]
    public async Task A_podman_that_is_away_or_answers_nonsense()
    {
        await using var bench = await AgentBench.StartAsync();
        var name = bench.NewService();
        await bench.DeployAsync(Spec(name));
        var stop = new CancellationTokenSource();
        var socket = bench.PathOf("broken.sock");
        using var broken = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        broken.Bind(new UnixDomainSocketEndPoint(socket));
        broken.Listen(16);
        _ = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                using var client = await broken.AcceptAsync(stop.Token);
                var buffer = new byte[64 * 1024];
                await client.ReceiveAsync(buffer.AsMemory(), stop.Token);
                await client.SendAsync(Encoding.ASCII.GetBytes("HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: 61\r\nConnection: close\r\n\r\n{\"cause\":\"storage\",\"message\":\"storage is broken\",\"response\":500}"[..]), stop.Token);
            }
        });
        // The start cannot bring services up and goes on trying; operations are let in all the same.
        bench.UseSocket(socket);
        var start = bench.Agent.Start.RunAsync(null, stop.Token);
        var fault = await Assert.That(async () => await bench.DeployAsync(Spec(name, "env = [\"A=1\"]"))).Throws<McpException>();
        await Assert.That(fault!.Describe()).Contains("podman");
        bench.UseSocket(bench.PathOf("nobody.sock"));
        var start2 = bench.Agent.Start.RunAsync(null, stop.Token);
        var away = await Assert.That(async () => await bench.DeployAsync(Spec(name, "env = [\"A=1\"]"))).Throws<McpException>();
        await Assert.That(away!.Code).IsEqualTo(FaultCode.Unavailable);
        await stop.CancelAsync();
        await Task.WhenAll(start, start2).ContinueWith(_ => { }, TaskScheduler.Default);
        await bench.RestartAsync();
        await Assert.That((await bench.ContainersAsync(name)).Single().Status).IsEqualTo(ContainerState.Running);
        await Assert.That((await bench.DeployAsync(Spec(name, "env = [\"A=1\"]"))).Components.Single().Action).IsEqualTo("replaced");
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
