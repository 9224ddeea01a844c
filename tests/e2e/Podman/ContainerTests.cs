using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mcp.EndToEnd.Harness;
using Mcp.Podman;

namespace Mcp.EndToEnd.Podman;

/// <summary>The life of a container on a real podman.</summary>
[ClassDataSource<PodmanFixture>(Shared = SharedType.PerTestSession)]
internal sealed class ContainerTests(PodmanFixture fixture)
{
    private PodmanClient Podman => fixture.Podman;

    [Test]
    public async Task Podman_says_what_it_is()
    {
        var info = await Podman.InfoAsync(default);
        await Assert.That(Version.Parse(info.Version)).IsGreaterThanOrEqualTo(new Version(4, 0));
        await Assert.That(info.Architecture).IsNotEmpty();
        await Assert.That(info.StorageRoot).IsNotEmpty();
        await Assert.That(info.Rootless).IsEqualTo(!Environment.IsPrivilegedProcess);
    }

    [Test]
    public async Task A_container_is_made_started_inspected_listed_stopped_renamed_and_removed()
    {
        var name = fixture.Unique("life");
        var spec = fixture.Shell(name, "trap 'exit 7' TERM; echo up; while :; do sleep 0.1; done") with
        {
            Environment = new Dictionary<string, string> { ["WORD"] = "a=b c" },
            User = "0:0",
            Restart = "unless-stopped",
        };
        var id = await Podman.CreateContainerAsync(spec, default);
        var made = (await Podman.InspectContainerAsync(name, default))!;
        await Assert.That(made.Id).IsEqualTo(id);
        await Assert.That(made.Status).IsEqualTo(ContainerStatus.Created);
        await Assert.That(made.ImageId).IsEqualTo(fixture.Busybox);
        await Assert.That(made.StartedAt).IsNull();
        await Assert.That(await Podman.CreateOrAdoptAsync(spec, default)).IsEqualTo(id);

        await Podman.StartContainerAsync(id, default);
        await Podman.StartContainerAsync(id, default);
        var running = (await Podman.InspectContainerAsync(id, default))!;
        await Assert.That(running.Status).IsEqualTo(ContainerStatus.Running);
        await Assert.That(Directory.Exists($"/proc/{running.Pid}")).IsTrue();
        await Assert.That(await File.ReadAllTextAsync($"/proc/{running.ConmonPid}/comm")).StartsWith("conmon");
        await Assert.That(running.Environment).Contains("WORD=a=b c");
        await Assert.That(running.Restart).IsEqualTo("unless-stopped");
        await Assert.That(running.NetworkMode).IsEqualTo("host");
        await Assert.That(running.StartedAt).IsNotNull();
        await Assert.That(running.Labels[PodmanFixture.Mark.Key]).IsEqualTo(PodmanFixture.Mark.Value);

        var listed = (await Podman.ListContainersAsync([$"{PodmanFixture.Mark.Key}={PodmanFixture.Mark.Value}"], default)).Single(c => c.Id == id);
        await Assert.That(listed.Name).IsEqualTo(name);
        await Assert.That(listed.Status).IsEqualTo(ContainerStatus.Running);
        await Assert.That(listed.Pid).IsEqualTo(running.Pid);
        await Assert.That(await Podman.ListContainersAsync(["no.such.label=x"], default)).IsEmpty();

        await Assert.That((await FailureOf(Podman.RemoveContainerAsync(id, default))).Kind).IsEqualTo(PodmanFailure.Refused);
        await Podman.RenameContainerAsync(id, name + ".mcp-old-1", default);
        await Assert.That(await Podman.InspectContainerAsync(name, default)).IsNull();
        await Podman.StopContainerAsync(id, TimeSpan.FromSeconds(20), default);
        await Podman.StopContainerAsync(id, TimeSpan.FromSeconds(20), default);
        var stopped = (await Podman.InspectContainerAsync(name + ".mcp-old-1", default))!;
        await Assert.That(stopped.Status).IsEqualTo(ContainerStatus.Exited);
        await Assert.That(stopped.ExitCode).IsEqualTo(7);
        await Assert.That(stopped.FinishedAt).IsNotNull();

        await Assert.That(await Podman.RemoveContainerAsync(id, default)).IsTrue();
        await Assert.That(await Podman.RemoveContainerAsync(id, default)).IsFalse();
        await Assert.That(await Podman.InspectContainerAsync(id, default)).IsNull();
    }

    [Test]
    public async Task A_taken_name_is_known_as_taken_at_create_and_at_rename()
    {
        var (first, second) = (fixture.Unique("taken"), fixture.Unique("taken"));
        await Podman.CreateContainerAsync(fixture.Shell(first, "true"), default);
        var other = await Podman.CreateContainerAsync(fixture.Shell(second, "true"), default);
        await Assert.That((await FailureOf(Podman.CreateContainerAsync(fixture.Shell(first, "false"), default))).NameTaken).IsTrue();
        await Assert.That((await FailureOf(Podman.RenameContainerAsync(other, first, default))).NameTaken).IsTrue();
        var foreign = fixture.Shell(first, "true") with { Labels = new Dictionary<string, string> { ["mcp.operation"] = "another" } };
        await Assert.That((await FailureOf(Podman.CreateOrAdoptAsync(foreign, default))).NameTaken).IsTrue();
    }

    [Test]
    public async Task A_container_that_ignores_SIGTERM_is_killed_after_its_grace_and_wait_tells_the_code()
    {
        var id = await fixture.RunAsync(fixture.Shell(fixture.Unique("stubborn"), "trap '' TERM; while :; do sleep 0.1; done"));
        var waiting = Podman.WaitContainerAsync(id, default);
        await Podman.StopContainerAsync(id, TimeSpan.FromSeconds(1), default);
        await Assert.That(await waiting.WaitAsync(TimeSpan.FromSeconds(30))).IsEqualTo(137);
    }

    [Test]
    public async Task Kill_sends_the_signal_that_is_named()
    {
        var id = await fixture.RunAsync(fixture.Shell(fixture.Unique("kill"), "trap 'exit 9' HUP; echo ready; while :; do sleep 0.1; done"));
        await LineAsync(id, "ready");
        await Podman.KillContainerAsync(id, default, "SIGHUP");
        await Assert.That(await Podman.WaitContainerAsync(id, default)).IsEqualTo(9);
        await Assert.That((await FailureOf(Podman.KillContainerAsync(id, default))).Kind).IsEqualTo(PodmanFailure.Refused);
    }

    [Test]
    public async Task Mounts_are_where_they_should_be_and_read_only_is_read_only()
    {
        var folder = Directory.CreateDirectory(Path.Combine(fixture.Folder, fixture.Unique("mount"))).FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "in"), "from the host\n");
        var spec = fixture.Shell(fixture.Unique("mount"), "cat /ro/in; echo x > /ro/out || echo refused; cp /ro/in /rw/copy; mount | grep ' /scratch ' | cut -d' ' -f1; sleep 600") with
        {
            Binds = [new BindMount(folder, "/ro", ReadOnly: true), new BindMount(folder, "/rw", ReadOnly: false, Relabel: true)],
            Tmpfs = ["/scratch"],
        };
        var id = await fixture.RunAsync(spec);
        await LineAsync(id, "tmpfs");
        var lines = await TextAsync(id);
        await Assert.That(lines).Contains("from the host");
        await Assert.That(lines).Contains("refused");
        await Assert.That(await File.ReadAllTextAsync(Path.Combine(folder, "copy"))).IsEqualTo("from the host\n");
        var mounts = (await Podman.InspectContainerAsync(id, default))!.Mounts;
        await Assert.That(mounts.Single(mount => mount.Destination == "/ro").ReadOnly).IsTrue();
        await Assert.That(mounts.Single(mount => mount.Destination == "/rw").ReadOnly).IsFalse();
        await Assert.That(mounts.Single(mount => mount.Destination == "/rw").Source).IsEqualTo(folder);
    }

    [Test]
    public async Task A_published_port_answers_over_HTTP_and_containers_of_a_network_find_each_other()
    {
        var labels = new Dictionary<string, string>([PodmanFixture.Mark]);
        var name = fixture.Unique("net");
        var networks = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Podman.EnsureNetworkAsync(name, labels, default)));
        await Assert.That(networks.Select(network => network.Id).Distinct().Count()).IsEqualTo(1);
        await Assert.That(networks[0].NamesResolve).IsTrue();
        await Assert.That(networks[0].Subnets.Count).IsEqualTo(1);
        await Assert.That(networks[0].Labels[PodmanFixture.Mark.Key]).IsEqualTo(PodmanFixture.Mark.Value);

        var port = FreePort();
        var web = await fixture.RunAsync(fixture.Shell(fixture.Unique("web"), "echo hello > /tmp/index.html; exec httpd -f -p 80 -h /tmp") with
        {
            Network = name,
            NetworkAliases = ["front"],
            Ports = [new PublishedPort("127.0.0.1", port, 80)],
        });
        using var http = new HttpClient();
        await Wait.UntilAsync("the page is there", async () => await PageAsync(http, port) == "hello\n");
        var inspected = (await Podman.InspectContainerAsync(web, default))!;
        await Assert.That(inspected.Ports).IsEquivalentTo([new PublishedPort("127.0.0.1", port, 80)]);
        await Assert.That(inspected.Networks[name]).IsNotEmpty();
        var listed = (await Podman.ListContainersAsync(null, default, network: name)).Single();
        await Assert.That(listed.Ports).IsEquivalentTo([new PublishedPort("127.0.0.1", port, 80)]);

        var reader = await fixture.RunAsync(fixture.Shell(fixture.Unique("reader"), "wget -q -O - http://front/") with { Network = name });
        await Assert.That(await Podman.WaitContainerAsync(reader, default)).IsEqualTo(0);

        // The port is taken now: the refusal names it, and the container that could not start keeps its name.
        var late = await Podman.CreateContainerAsync(fixture.Shell(fixture.Unique("late"), "true") with { Network = name, Ports = [new PublishedPort("127.0.0.1", port, 80)] }, default);
        var refusal = await FailureOf(Podman.StartContainerAsync(late, default));
        await Assert.That(refusal.Reason!).Contains(port.ToString(CultureInfo.InvariantCulture));
        await Assert.That(await Podman.InspectContainerAsync(late, default)).IsNotNull();

        await Assert.That((await FailureOf(Podman.RemoveNetworkAsync(name, default))).Kind).IsEqualTo(PodmanFailure.Refused);
        foreach (var id in (string[])[web, reader, late])
            await Podman.RemoveContainerAsync(id, default, force: true);
        await Assert.That(await Podman.RemoveNetworkAsync(name, default)).IsTrue();
        await Assert.That(await Podman.RemoveNetworkAsync(name, default)).IsFalse();
        await Assert.That(await Podman.InspectNetworkAsync(name, default)).IsNull();
    }

    [Test]
    public async Task A_program_that_is_not_in_the_image_fails_at_start_with_its_name()
    {
        var id = await Podman.CreateContainerAsync(fixture.Shell(fixture.Unique("noexec"), "") with { Command = ["/no/such/program"] }, default);
        var refusal = await FailureOf(Podman.StartContainerAsync(id, default));
        await Assert.That(refusal.Reason!).Contains("/no/such/program");
    }

    private async Task LineAsync(string id, string text)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await foreach (var line in Podman.LogsAsync(id, new LogQuery { Follow = true }, patience.Token))
        {
            if (line.Text == text)
                return;
        }
        throw new InvalidOperationException($"the log ended without '{text}'");
    }

    private async Task<List<string>> TextAsync(string id)
    {
        List<string> lines = [];
        await foreach (var line in Podman.LogsAsync(id, new LogQuery(), default))
            lines.Add(line.Text);
        return lines;
    }

    private static async Task<string> PageAsync(HttpClient http, int port)
    {
        try
        {
            return await http.GetStringAsync(new Uri($"http://127.0.0.1:{port}/"));
        }
        catch (HttpRequestException e)
        {
            return e.Message;
        }
    }

    internal static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    internal static async Task<PodmanException> FailureOf(Task call)
    {
        try
        {
            await call;
        }
        catch (PodmanException e)
        {
            return e;
        }
        throw new InvalidOperationException("the call succeeded");
    }
}
