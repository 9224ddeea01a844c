namespace Mcp.EndToEnd.Harness;

/// <summary>The harness itself: what the other tests stand on must be seen to work.</summary>
internal sealed class FleetInABoxTests
{
    [Test]
    public async Task Two_bare_nodes_run_containers_of_their_own_and_reach_each_other()
    {
        await using var fleet = await FleetInABox.StartAsync("a", "b");
        var (a, b) = (fleet["a"], fleet["b"]);
        await a.LoadImageAsync(TestPodman.BusyboxImage);

        // Nested podman with a network of its own and a published port, reached from the other node.
        (await a.RunAsync("podman", "run", "-d", "--name", "web", "-p", "8080:80", TestPodman.BusyboxImage,
            "sh", "-c", "echo hello from a > /tmp/index.html; exec httpd -f -p 80 -h /tmp")).OrThrow();
        await b.LoadImageAsync(TestPodman.BusyboxImage);
        await Wait.UntilAsync("b reads a's page", async () =>
            (await b.RunAsync("podman", "run", "--rm", "--network", "host", TestPodman.BusyboxImage, "wget", "-q", "-O", "-", $"http://{a.Address}:8080/"))
            .Output.Trim() == "hello from a", otherwise: async () => (await a.RunAsync("podman", "ps", "-a")).ToString());

        // The outer podman does not see it: the stores are apart.
        var outer = await TestPodman.RunAsync(["ps", "--format", "{{.Names}}"]);
        await Assert.That(outer.Output.Split('\n')).DoesNotContain("web");
    }

    [Test]
    public async Task A_copied_file_runs_in_a_bare_node()
    {
        await using var fleet = await FleetInABox.StartAsync("n");
        var node = fleet["n"];
        await node.CopyInAsync(PublishedBinary.Path, "/usr/local/bin/mcp");
        var version = (await node.RunAsync("/usr/local/bin/mcp", "--version")).OrThrow();
        var here = (await PublishedBinary.RunAsync(["--version"])).OrThrow();
        await Assert.That(version.Output).IsEqualTo(here.Output);
    }
}
