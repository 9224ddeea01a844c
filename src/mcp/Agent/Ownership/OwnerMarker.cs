using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Mcp.Agent.Ownership;

/// <summary>
/// What <c>/srv/&lt;service&gt;/.mcp-owner</c> says: whose data this is and in which epoch. The HMAC with a key of the node tells a folder that
/// this node marked from one that was copied here, restored by hand or written by a container.
/// </summary>
/// <param name="Service">The service.</param>
/// <param name="VolumeId">UUID of the data; the same on every node that ever held it.</param>
/// <param name="Epoch">Counts the moves; the higher one owns.</param>
internal sealed record OwnerMarker(string Service, string VolumeId, ulong Epoch)
{
    /// <summary>The file's name in the service's folder. Never archived.</summary>
    public const string FileName = ".mcp-owner";

    /// <summary>More than any marker of ours has; a larger file is foreign.</summary>
    public const int MaxBytes = 4096;

    /// <summary>The file's content.</summary>
    public byte[] Write(ReadOnlySpan<byte> nodeKey)
    {
        var body = string.Create(CultureInfo.InvariantCulture, $"mcp-owner 1\nservice {Service}\nvolume {VolumeId}\nepoch {Epoch}\n");
        return Encoding.UTF8.GetBytes($"{body}hmac {Mac(nodeKey, body)}\n");
    }

    /// <summary>The marker, or null when the content is not one that a node with this key wrote.</summary>
    public static OwnerMarker? TryRead(ReadOnlySpan<byte> content, ReadOnlySpan<byte> nodeKey)
    {
        if (content.Length > MaxBytes)
            return null;
        var text = Encoding.UTF8.GetString(content);
        var lines = text.Split('\n');
        if (lines is not ["mcp-owner 1", var service, var volume, var epoch, var mac, ""])
            return null;
        if (!service.StartsWith("service ", StringComparison.Ordinal) || !volume.StartsWith("volume ", StringComparison.Ordinal) ||
            !epoch.StartsWith("epoch ", StringComparison.Ordinal) || !mac.StartsWith("hmac ", StringComparison.Ordinal) ||
            !ulong.TryParse(epoch.AsSpan("epoch ".Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
        {
            return null;
        }
        var expected = Mac(nodeKey, text[..text.LastIndexOf("hmac ", StringComparison.Ordinal)]);
        return CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(expected), Encoding.UTF8.GetBytes(mac["hmac ".Length..]))
            ? new OwnerMarker(service["service ".Length..], volume["volume ".Length..], number)
            : null;
    }

    private static string Mac(ReadOnlySpan<byte> key, string body) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(body)));
}
