using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Mcp.Simulation;

/// <summary>An image that is nothing but its names: every reference can be pulled and is the same image each time.</summary>
/// <param name="Reference">With its tag or digest.</param>
internal sealed record SimulatedImage(string Reference)
{
    /// <summary>The id of the containers of simulated agents, which have no runtime.</summary>
    public const string Id = "5151515151515151515151515151515151515151515151515151515151515151";

    /// <summary>The digest of their image.</summary>
    public const string Digest = "sha256:d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1d1";

    /// <summary>64 hex digits.</summary>
    public string ImageId { get; } = Hash("image", Reference);

    /// <summary>"sha256:…", which the reference itself may name.</summary>
    public string ManifestDigest { get; } = Reference.IndexOf('@', StringComparison.Ordinal) is > 0 and var at ? Reference[(at + 1)..] : "sha256:" + Hash("manifest", Reference);

    private string Repository
    {
        get
        {
            var name = Reference.Split('@')[0];
            var colon = name.LastIndexOf(':');
            return colon > name.LastIndexOf('/') ? name[..colon] : name;
        }
    }

    /// <summary>Whether it is found under <paramref name="name"/>: its reference, its id, or its repository with its digest.</summary>
    public bool Answers(string name) => name == Reference || name == ImageId || name == "sha256:" + ImageId || name == $"{Repository}@{ManifestDigest}";

    /// <summary>The answer of <c>images/{name}/json</c>.</summary>
    public JsonObject ToDetail() => new()
    {
        ["Id"] = ImageId,
        ["Digest"] = ManifestDigest,
        ["RepoDigests"] = new JsonArray($"{Repository}@{ManifestDigest}"),
        ["RepoTags"] = new JsonArray(Reference),
        ["Architecture"] = "amd64",
        ["Size"] = 1,
        ["Config"] = new JsonObject { ["Labels"] = new JsonObject(), ["Cmd"] = new JsonArray("simulated") },
    };

    private static string Hash(string kind, string reference) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{kind} {reference}")));
}
