using System.Globalization;
using Mcp.EndToEnd.Harness;
using Mcp.Podman;
using Mcp.Processes;

namespace Mcp.EndToEnd.Podman;

/// <summary>The service of our own: it comes back, is taken over, and takes no container with it.</summary>
[ClassDataSource<PodmanFixture>(Shared = SharedType.PerTestSession)]
internal sealed class ServiceTests(PodmanFixture fixture)
{
    [Test]
    public async Task A_killed_service_comes_back_and_containers_do_not_notice()
    {
        using var folder = new TemporaryFolder();
        var socket = folder.PathOf("podman.sock");
        string id;
        await using (var service = await PodmanFixture.StartServiceAsync(socket, []))
        {
            using var podman = new PodmanClient(socket);
            id = await podman.CreateContainerAsync(fixture.Shell(fixture.Unique("survivor"), "sleep 600"), default);
            await podman.StartContainerAsync(id, default);
            var before = (await podman.InspectContainerAsync(id, default))!;
            var first = service.Pid;
            // Its own session: what the terminal sends to ours does not reach it.
            await Assert.That(SessionOf(first)).IsEqualTo(first);
            Kill(first);
            await Wait.UntilAsync("the service is back", async () => service.Pid != first && service.Pid != 0 && await AnswersAsync(podman));
            var after = (await podman.InspectContainerAsync(id, default))!;
            await Assert.That(after.Pid).IsEqualTo(before.Pid);
            await Assert.That(after.ConmonPid).IsEqualTo(before.ConmonPid);
            await Assert.That(Directory.Exists($"/proc/{after.ConmonPid}")).IsTrue();
        }
        // Ended with it, and only it.
        await Assert.That(await AnswersAsync(socket)).IsFalse();
        var detail = (await fixture.Podman.InspectContainerAsync(id, default))!;
        await Assert.That(detail.Status).IsEqualTo(ContainerStatus.Running);
        await Assert.That(Directory.Exists($"/proc/{detail.ConmonPid}")).IsTrue();
    }

    [Test]
    public async Task A_stale_socket_is_replaced_and_a_living_service_is_taken_over()
    {
        using var folder = new TemporaryFolder();
        var socket = folder.PathOf("podman.sock");
        int pid;
        await using (var first = await PodmanFixture.StartServiceAsync(socket, []))
        {
            await using (var second = await PodmanFixture.StartServiceAsync(socket, []))
            {
                await Assert.That(second.Pid).IsEqualTo(first.Pid);
                pid = first.Pid;
            }
            // The second owner ended what it had taken over; the first starts it again.
            await Wait.UntilAsync("the service is back", async () => first.Pid != pid && first.Pid != 0 && await AnswersAsync(socket));
            pid = first.Pid;
            Kill(pid);
        }
        await using var third = await PodmanFixture.StartServiceAsync(socket, []);
        await Assert.That(await AnswersAsync(socket)).IsTrue();
    }

    [Test]
    public async Task A_hung_service_of_an_earlier_run_is_replaced()
    {
        using var folder = new TemporaryFolder();
        var socket = folder.PathOf("podman.sock");
        // As a killed run of ours leaves it: a service without anybody who looks after it.
        var environment = (await TestPodman.EnvironmentAsync()).ToDictionary(pair => pair.Key, pair => pair.Value ?? "");
        var orphan = ChildProcess.Start(
            ServiceCommand.FindProgram("podman"), ["system", "service", "--time=0", $"unix://{socket}"], ServiceCommand.Environment(environment), folder.PathOf("orphan.log"));
        await Wait.UntilAsync("the orphan answers", () => AnswersAsync(socket));
        var pid = orphan.Pid;
        (await Shell.RunAsync("kill", ["-STOP", pid.ToString(CultureInfo.InvariantCulture)])).OrThrow();
        await using var second = await PodmanFixture.StartServiceAsync(socket, []);
        await Assert.That(second.Pid).IsNotEqualTo(pid);
        await Assert.That(await AnswersAsync(socket)).IsTrue();
    }

    private static void Kill(int pid)
    {
        using var process = System.Diagnostics.Process.GetProcessById(pid);
        process.Kill();
    }

    private static int SessionOf(int pid)
    {
        var stat = File.ReadAllText($"/proc/{pid}/stat");
        return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[3], CultureInfo.InvariantCulture);
    }

    private static async Task<bool> AnswersAsync(string socket)
    {
        using var podman = new PodmanClient(socket);
        return await AnswersAsync(podman);
    }

    private static async Task<bool> AnswersAsync(PodmanClient podman)
    {
        try
        {
            await podman.PingAsync(default);
            return true;
        }
        catch (PodmanException)
        {
            return false;
        }
    }
}
