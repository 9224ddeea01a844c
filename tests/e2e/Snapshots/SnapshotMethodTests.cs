using System.Text.Json;
using Mcp.EndToEnd.Harness;

namespace Mcp.EndToEnd.Snapshots;

/// <summary>
/// The snapshot methods that ask the service itself, on real containers: what the service wrote when it was asked is in the archive, a no of the service
/// fails the snapshot with its words and leaves the earlier ones, and a service that does not run is archived as it lies without being asked.
/// </summary>
internal sealed class SnapshotMethodTests
{
    [Test]
    public async Task A_service_is_asked_by_grpc_by_its_own_command_or_by_any_command_in_its_container()
    {
        await using var fleet = await DevFleet.StartAsync();
        await Task.WhenAll(GrpcAsync(fleet), CommandAsync(fleet, "bycli", name => "cli"), CommandAsync(fleet, "byexec", name => $"exec: {name} snapshot 'two words'"));
    }

    // The demo image is this very file, and offers mcp.v1.SnapshotService: it copies its count of visits.
    private static async Task GrpcAsync(DevFleet fleet)
    {
        var name = fleet.Unique("asked");
        var image = (await File.ReadAllLinesAsync(Path.Combine(fleet.Folder, "cli/services/hello.toml"))).Single(line => line.StartsWith("image ", StringComparison.Ordinal));
        string Definition(int port) => $"""
            name = "{name}"
            [snapshot]
            method = "grpc"
            [[components]]
            name  = "{name}"
            {image}
            cmd   = ["demo-server", "--grpc-port", "9090"]
            volumes = ["/srv/{name}:/data"]
            [[components.routes]]
            name = "web"
            port = 8443
            mode = "l4"
            [[components.routes]]
            name = "grpc"
            port = 9443
            mode = "l4"
            container_port = {port}
            """;
        (await fleet.RunAsync("deploy", name, "-f", fleet.Define(name, Definition(9090)))).OrThrow();
        var data = Path.Combine(fleet.Folder, "srv", name);

        // Nothing was counted yet, so it cannot do it: its own words, and no snapshot.
        await RefusedAsync(fleet, name, "the visits could not be copied");
        await File.WriteAllTextAsync(Path.Combine(data, "visits"), "41");
        await Assert.That(await ContentAsync(fleet, name, "visits.snapshot")).IsEqualTo("41");

        // Stopped, it is not asked: what lies there is taken.
        await File.WriteAllTextAsync(Path.Combine(data, "visits"), "42");
        (await fleet.RunAsync("stop", name)).OrThrow();
        await Assert.That(await ContentAsync(fleet, name, "visits.snapshot")).IsEqualTo("41");
        (await fleet.RunAsync("start", name)).OrThrow();
        await Assert.That(await ContentAsync(fleet, name, "visits.snapshot")).IsEqualTo("42");

        // Nobody speaks gRPC there.
        (await fleet.RunAsync("deploy", name, "-f", fleet.Define(name, Definition(9091)))).OrThrow();
        await RefusedAsync(fleet, name, "SnapshotService.Snapshot at");
    }

    // A command in the container, found by the PATH that its environment names; it keeps its state in memory (here: a tmpfs) until it is asked.
    private static async Task CommandAsync(DevFleet fleet, string kind, Func<string, string> method)
    {
        var name = fleet.Unique(kind);
        var definition = fleet.Define(name, $$"""
            name = "{{name}}"
            [snapshot]
            method = "{{method(name)}}"
            exclude = ["bin/"]
            [[components]]
            name    = "{{name}}"
            image   = "{{TestPodman.BusyboxImage}}"
            env     = ["PATH=/data/bin:/bin"]
            scratch = ["/state"]
            volumes = ["/srv/{{name}}:/data"]
            cmd     = ["sh", "-c", "echo live > /state/live; trap 'exit 0' TERM; while :; do sleep 0.1; done"]
            """);
        (await fleet.RunAsync("deploy", name, "-f", definition)).OrThrow();
        var data = Path.Combine(fleet.Folder, "srv", name);
        await RefusedAsync(fleet, name, name);
        Directory.CreateDirectory(Path.Combine(data, "bin"));
        var program = Path.Combine(data, "bin", name);
        await File.WriteAllTextAsync(program, "#!/bin/sh\n[ \"$1\" = snapshot ] || exit 9\n[ ! -e /data/refuse ] || { echo not while I am tidying up; exit 3; }\necho \"$(cat /state/live) $2\" > /data/saved\n");
        File.SetUnixFileMode(program, (UnixFileMode)0b111_101_101);
        var saved = kind == "byexec" ? "live two words" : "live ";
        await Assert.That(await ContentAsync(fleet, name, "saved")).IsEqualTo($"{saved}\n");

        await File.WriteAllTextAsync(Path.Combine(data, "refuse"), "");
        await RefusedAsync(fleet, name, "ended with exit code 3: not while I am tidying up");
        File.Delete(Path.Combine(data, "refuse"));
        await File.WriteAllTextAsync(Path.Combine(data, "saved"), "stale");
        (await fleet.RunAsync("stop", name)).OrThrow();
        await Assert.That(await ContentAsync(fleet, name, "saved")).IsEqualTo("stale");
        (await fleet.RunAsync("start", name)).OrThrow();
        await Assert.That(await ContentAsync(fleet, name, "saved")).IsEqualTo($"{saved}\n");
        // What was excluded is not in it, and so no restore of it may be complete without the operator's word.
        await Assert.That((await fleet.RunAsync("snapshot", "list", name)).OrThrow().Output).Contains("bin is excluded by the definition");
    }

    // Of the archive that a snapshot now makes.
    private static async Task<string> ContentAsync(DevFleet fleet, string service, string file)
    {
        (await fleet.RunAsync("snapshot", service)).OrThrow();
        using var scratch = new TemporaryFolder();
        (await fleet.RunAsync("snapshot", "restore", service, "--to", scratch.PathOf("it"), "--accept-partial", "--id", await NewestAsync(fleet, service))).OrThrow();
        return await File.ReadAllTextAsync(scratch.PathOf($"it/{file}"));
    }

    private static async Task<string> NewestAsync(DevFleet fleet, string service)
    {
        using var listed = JsonDocument.Parse((await fleet.RunAsync("snapshot", "list", service, "--json")).OrThrow().Output);
        return listed.RootElement.GetProperty("snapshots") is var all && all.GetArrayLength() > 0 ? $"{all[0].GetProperty("id").GetUInt64()}" : "";
    }

    private static async Task RefusedAsync(DevFleet fleet, string service, string words)
    {
        var before = await NewestAsync(fleet, service);
        var refused = await fleet.RunAsync("snapshot", service);
        await Assert.That(refused.ExitCode).IsEqualTo(1).Because(refused.ToString());
        await Assert.That(refused.Errors).Contains($"the snapshot method of {service} failed").And.Contains(words).And.Contains("next:").Because(refused.ToString());
        await Assert.That(await NewestAsync(fleet, service)).IsEqualTo(before);
    }
}
