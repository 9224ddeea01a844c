using System.Security.Cryptography;
using System.Text;
using Mcp.Names;

namespace Mcp.Master.Snapshots;

/// <summary>
/// The ids of the calls that make up one operation: its own with a suffix, so that each call is idempotent for itself on the agent. Where that would
/// be longer than an id may be, its beginning is replaced by a hash of it.
/// </summary>
internal static class PartId
{
    private const int Longest = 64;

    /// <summary>The id of one part; the same for the same arguments.</summary>
    public static string Of(OperationId id, string part) =>
        id.Value.Length + 1 + part.Length <= Longest
            ? $"{id.Value}-{part}"
            : $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(id.Value)))[..32]}-{part}";
}
