using Mcp.Cli.Output;
using Mcp.Errors;
using Mcp.Podman;

namespace Mcp.Cli.Doctor;

/// <summary>Podman itself: whether its API answers, its version, and the room where it keeps images and containers.</summary>
internal sealed class PodmanCheck() : DoctorCheck("podman")
{
    /// <summary>The API of libpod that is spoken came with the first, and nothing older than the second was ever tried.</summary>
    private static readonly Version Least = new(4, 0), Tried = new(4, 3);

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    /// <summary>For what podman says of itself: it starts a search of the package database for each of its helpers, which takes its time on a busy machine.</summary>
    private static readonly TimeSpan InfoLimit = TimeSpan.FromSeconds(20);

    /// <inheritdoc/>
    public override async Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        if (!scene.IsNode)
            return [];
        if (!IsInstalled())
            return [Error("podman is not on PATH", "apt-get install podman (Debian), or dnf install podman (Fedora)")];
        var socket = scene.Agent?.PodmanSocket ?? PodmanClient.DefaultSocketPath;
        if (!File.Exists(socket))
        {
            return [scene.Agent?.OwnPodmanService ?? !Directory.Exists("/run/systemd/system")
                ? Ok($"podman is installed; the agent starts its API on {socket} itself")
                : Error($"there is no socket {socket}", FileFacts.EffectiveUser == 0 ? "systemctl enable --now podman.socket" : "systemctl --user enable --now podman.socket")];
        }
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Limit);
        var answers = false;
        using var podman = new PodmanClient(socket, clock: scene.Context.Clock);
        try
        {
            await podman.PingAsync(limit.Token);
            answers = true;
            limit.CancelAfter(InfoLimit);
            var host = await podman.InfoAsync(limit.Token);
            return [.. Judge(host, host.StorageRoot.Length > 0 ? FileFacts.RoomOf(host.StorageRoot) : null)];
        }
        catch (Exception e) when (!cancel.IsCancellationRequested && e is OperationCanceledException or PodmanException { Kind: PodmanFailure.TimedOut })
        {
            var words = answers ? $"it answers on {socket}, but says nothing of itself within {InfoLimit.TotalSeconds:0} s" : $"no answer on {socket} within {Limit.TotalSeconds:0} s";
            return [Error($"podman hangs: {words}", "systemctl restart podman.service; if it hangs again: podman info, and look for a dead disk or network mount (dmesg)")];
        }
        catch (PodmanException e)
        {
            return [Error(e.ToFault($"podman's API on {socket}"), "systemctl status podman.socket podman.service; podman info")];
        }
    }

    /// <summary>The verdict on what podman says about itself.</summary>
    public IEnumerable<DoctorLine> Judge(PodmanHost host, FileSystemRoom? room)
    {
        var words = $"podman {host.Version}{(host.Rootless ? ", rootless" : "")}, {host.Runtime}, {host.NetworkBackend}, cgroups {host.CgroupVersion} by {host.CgroupManager}";
        var version = Version.TryParse(host.Version.Split('-')[0], out var parsed) ? parsed : new Version(0, 0);
        yield return version < Least ? Error($"{words}: at least {Least} is needed", "install a newer podman")
            : version < Tried ? Warning($"{words}: older than {Tried}, which is the oldest that was tried", "install a newer podman")
            : Ok(words);
        var storage = $"{host.StorageDriver} in {host.StorageRoot}{(room is null ? "" : $", {Measures.Bytes(room.FreeBytes)} free")}";
        yield return host.StorageDriver == "vfs"
            ? Warning($"{storage}: vfs copies every layer whole, for every container", "use overlay: storage.conf, driver = \"overlay\" (rootless before Linux 5.13: fuse-overlayfs); images are pulled anew")
            : room is { FreeBytes: < 512UL << 20 } ? Error($"{storage}: too little to pull an image", $"podman image prune; df -h {host.StorageRoot}")
            : room is { Inodes: > 0 } && room.FreeInodes * 100 < room.Inodes ? Error($"{storage}: no inodes left", $"podman image prune; df -i {host.StorageRoot}")
            : Ok($"storage: {storage}");
    }

    private static bool IsInstalled()
    {
        try
        {
            return Podman.ServiceCommand.FindProgram("podman").Length > 0;
        }
        catch (McpException)
        {
            return false;
        }
    }
}
