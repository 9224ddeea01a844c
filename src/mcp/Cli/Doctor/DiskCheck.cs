using System.Globalization;
using Mcp.Cli.Output;

namespace Mcp.Cli.Doctor;

/// <summary>Room for data, databases and logs: bytes and inodes of the file systems that the roles write to.</summary>
internal sealed class DiskCheck() : DoctorCheck("disk")
{
    /// <summary>Below this the agent pulls no image.</summary>
    private const ulong Least = 512UL << 20;

    private const double Scarce = 0.05, Last = 0.01;

    /// <inheritdoc/>
    public override Task<IReadOnlyList<DoctorLine>> LookAsync(DoctorScene scene, CancellationToken cancel)
    {
        var places = new List<string>();
        if (scene.Agent is { } agent)
            places.AddRange([agent.DataRoot, agent.Home]);
        if (scene.Master is { } master)
            places.Add(master.Home);
        if (places.Count == 0 && scene.IsNode)
            places.Add("/srv");
        return Task.FromResult<IReadOnlyList<DoctorLine>>([.. places.Distinct().Select(p => Judge(p, FileFacts.RoomOf(p))).OfType<DoctorLine>()]);
    }

    /// <summary>The verdict on one folder's file system.</summary>
    public DoctorLine? Judge(string path, FileSystemRoom? room)
    {
        if (room is null)
            return Directory.Exists(path) ? Warning($"the file system of {path} cannot be asked", $"df -h {path}") : Error($"{path} does not exist", $"install -d {path}");
        var words = string.Create(CultureInfo.InvariantCulture,
            $"{path}: {Measures.Bytes(room.FreeBytes)} of {Measures.Bytes(room.Bytes)} free{(room.Inodes > 0 ? $", {100.0 * room.FreeInodes / room.Inodes:0} % of the inodes" : "")}");
        var (bytes, inodes) = (Share(room.FreeBytes, room.Bytes), Share(room.FreeInodes, room.Inodes));
        const string remedy = "find what fills it (du -xh --max-depth=2), podman image prune for images that nothing uses";
        return room.FreeBytes < Least || inodes < Last ? Error(words, remedy)
            : bytes < Scarce || inodes < Scarce ? Warning(words, remedy)
            : Ok(words);
    }

    // A file system that counts no inodes has enough of them.
    private static double Share(ulong free, ulong all) => all == 0 ? 1 : (double)free / all;
}
