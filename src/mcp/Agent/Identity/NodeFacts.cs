using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Google.Protobuf;
using Mcp.V1;

namespace Mcp.Agent.Identity;

/// <summary>What the node tells about itself.</summary>
internal static class NodeFacts
{
    /// <summary>"amd64", "arm64".</summary>
    public static string Arch => RuntimeInformation.OSArchitecture switch
    {
        Architecture.X64 => "amd64",
        Architecture.Arm64 => "arm64",
        var other => other.ToString().ToLowerInvariant(),
    };

    /// <summary>All memory of the machine in bytes; 0 when the kernel does not say.</summary>
    public static ulong MemoryBytes()
    {
        try
        {
            var line = File.ReadLines("/proc/meminfo").FirstOrDefault(l => l.StartsWith("MemTotal:", StringComparison.Ordinal));
            return line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var kib, ..] && ulong.TryParse(kib, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value * 1024 : 0;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    /// <summary>Size and free bytes of the data file system.</summary>
    public static (ulong Total, ulong Free) Disk(string dataRoot)
    {
        try
        {
            var drive = new DriveInfo(dataRoot);
            return ((ulong)drive.TotalSize, (ulong)drive.AvailableFreeSpace);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (0, 0);
        }
    }

    /// <summary>Names a list of <see cref="Owned"/>: two lists that say the same have the same digest.</summary>
    public static string Digest(IEnumerable<OwnedService> services)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var service in services)
            hash.AppendData(service.ToByteArray());
        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }

    /// <summary>
    /// The services whose data lies here, for Register: also those that are undeployed, since their data decides where they go, and copies that
    /// a higher epoch superseded, which the fleet should not forget before they are erased.
    /// </summary>
    public static IEnumerable<OwnedService> Owned(AgentParts parts)
    {
        var deployed = parts.Services.All().ToDictionary(s => s.Name, StringComparer.Ordinal);
        foreach (var data in parts.Data.All())
        {
            var service = deployed.GetValueOrDefault(data.Service);
            yield return new OwnedService
            {
                Name = data.Service,
                Epoch = data.Epoch,
                VolumeId = data.VolumeId,
                Running = service?.DesiredRunning ?? false,
                Generation = service?.Generation ?? 0,
                SupersededEpoch = data.State == "superseded" ? data.SupersededEpoch : 0,
            };
        }
    }
}
